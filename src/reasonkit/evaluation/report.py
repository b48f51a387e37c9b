"""Finished runs as Markdown, for a README or a paper's appendix: a table for each dataset, and maj@k where methods vote.

Not here: whether two methods differ, which their tables cannot tell (`compare.py` pairs their items).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reasonkit.errors import InputError
from reasonkit.evaluation.rows import read_rows
from reasonkit.evaluation.run import RESULTS, Settings, read_settings
from reasonkit.evaluation.table import Figures, figures, percent, table
from reasonkit.runner.budget import Price


def markdown(folders: Iterable[str | Path], *, price: Price | None = None) -> str:
    """Return the tables of finished runs, those over the same items with the same metric together.

    Args:
        folders: of the runs.
        price: what the model costs, if it is known.

    Raises:
        InputError: a folder holds no finished run.
    """
    groups: dict[str, list[Figures]] = {}
    for folder in map(Path, folders):
        settings = read_settings(folder)
        groups.setdefault(_heading(settings), []).append(_figures(folder, settings, price))
    return "\n\n".join(f"## {heading}\n\n{_tables(runs)}" for heading, runs in groups.items())


def _figures(folder: Path, settings: Settings, price: Price | None) -> Figures:
    if not (folder / RESULTS).exists():
        raise InputError(f"{folder}: the run has not ended; give the same eval again, which goes on with it")
    return figures(settings.method, read_rows(folder / RESULTS), price=price)


def _heading(settings: Settings) -> str:
    drawn = "" if settings.seed is None else f", drawn with seed {settings.seed}"
    return (
        f"{settings.dataset}: {settings.n} items{drawn}, metric {settings.metric} (items {settings.items_sha256[:12]})"
    )


def _tables(runs: Sequence[Figures]) -> str:
    votes = [run for run in runs if run.maj_at_k]
    if not votes:
        return table(runs)
    rows = [["k", *(run.method for run in votes)], ["---"] * (len(votes) + 1)]
    for k in range(1, max(len(run.maj_at_k) for run in votes) + 1):
        shares = [percent(run.maj_at_k[k - 1]) if k <= len(run.maj_at_k) else "" for run in votes]
        rows.append([str(k), *shares])
    lines = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    counted = ", ".join(f"{run.method} n = {run.n}" for run in votes)
    return f"{table(runs)}\n\nRight by the majority of the first k samples (maj@k; {counted}):\n\n{lines}"
