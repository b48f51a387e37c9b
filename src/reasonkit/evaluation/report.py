"""Finished runs as Markdown, for a README or a paper's appendix: a table for each dataset, and maj@k where methods vote.

Not here: whether two methods differ, which their tables cannot tell (`compare.py` pairs their items); charts and links
(`page/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reasonkit.evaluation.groups import Finished, Group, groups
from reasonkit.evaluation.intervals import Interval
from reasonkit.evaluation.table import Figures, markdown_table, percent, table
from reasonkit.runner.budget import Price


def markdown(folders: Iterable[str | Path], *, price: Price | None = None) -> str:
    """Return the tables of finished runs, those over the same items with the same metric together.

    Args:
        folders: of the runs.
        price: what the model costs, if it is known.

    Raises:
        InputError: a folder holds no finished run.
    """
    return "\n\n".join(markdown_of(group) for group in groups(folders, price=price))


def markdown_of(group: Group) -> str:
    """Return the tables of runs that may be read side by side."""
    parts = [f"## {' '.join(group.heading.split())}", table([run.figures for run in group.runs])]
    if votes := [run.figures for run in group.runs if run.figures.maj_at_k]:
        parts.append(_majorities(votes))
    if group.sources():
        parts.append(_published(group))
    return "\n\n".join(parts)


def published_share(share: Interval) -> str:
    """Write a paper's figure, with n and interval where n is known."""
    return f"{share.value:.1%}, n not said" if not share.n else f"{percent(share)} n={share.n}"


def sentence(words: str) -> str:
    """Return words as a sentence."""
    return f"{words[0].upper()}{words[1:]}."


def _majorities(votes: Sequence[Figures]) -> str:
    rows = [["k", *(run.method for run in votes)]]
    for k in range(1, max(len(run.maj_at_k) for run in votes) + 1):
        shares = [percent(run.maj_at_k[k - 1]) if k <= len(run.maj_at_k) else "" for run in votes]
        rows.append([str(k), *shares])
    counted = ", ".join(f"{run.method} n = {run.n}" for run in votes)
    return f"Right by the majority of the first k samples (maj@k; {counted}):\n\n{markdown_table(rows)}"


def _published(group: Group) -> str:
    rows = [["method", "here", "published", "source"], *(row for run in group.runs for row in _beside(run))]
    apart = "\n".join(f"- {source.source}. {sentence(why)}" for source, why in group.sources())
    return (
        "Beside what papers report, of other models and with other prompts (intervals of Wilson, computed here from n "
        f"where it is known):\n\n{markdown_table(rows)}\n\n{apart}"
    )


def _beside(run: Finished) -> Iterable[list[str]]:
    for source, share in run.published():
        here = f"{percent(run.figures.right)} n={run.figures.n} ({run.model})"
        yield [
            run.figures.method,
            here,
            published_share(share),
            f"{source.model}, arXiv {source.arxiv}, {source.where}",
        ]
