"""`reasonkit eval` and `compare` in a subprocess: tables, resume, Ctrl-C, a terminal's bar, bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import Server, serving
from tests.evaluation.answering import answering


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Name a dataset of which the server's one answer is right for two items of three."""
    path = tmp_path / "planets.jsonl"
    golds = ["a planet", "A planet.", "a star"]
    rows = [{"id": f"p{i}", "question": f"What is number {i}?", "answer": gold} for i, gold in enumerate(golds)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def words(server: Server, dataset: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "reasonkit", "eval", str(dataset), "--client", server.url, "--model", "fake", *more]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


def command(*said: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(said, capture_output=True, text=True, env=environment(), timeout=120, cwd=cwd)


def test_methods_are_run_into_folders_and_shown_in_a_table(server: Server, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    said = words(server, dataset, "--method", "cot,react", "--out", str(out), "--price", "1/2", "--concurrency", "2")
    ran = command(*said)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("| method | n | right | lenient | F1 | steps |")
    assert lines[2].startswith("| cot | 3 | 66.7% [20.8%, 93.9%] |")
    assert lines[3].startswith("| react | 3 | 66.7% [20.8%, 93.9%] |")
    assert "| 2.00 [2.00, 2.00] | 36 [36, 36] |" in lines[3]
    assert {path.name for path in out.iterdir()} == {"cot", "react"}
    assert len((out / "react" / "results.jsonl").read_text().splitlines()) == 3
    server.asked.clear()
    again = command(*said, "--json")
    assert not server.asked.is_set(), "what stood on record was asked again"
    figures = json.loads(again.stdout)
    assert [(one["method"], one["n"]) for one in figures] == [("cot", 3), ("react", 3)]
    assert figures[1]["usd"] == pytest.approx(3 * (22 + 2 * 14) / 1e6)


def test_two_runs_are_compared_item_by_item(server: Server, dataset: Path, tmp_path: Path) -> None:
    for method in ("direct", "cot"):
        assert command(*words(server, dataset, "--method", method, "--out", str(tmp_path / "runs"))).returncode == 0
    ran = command(
        sys.executable, "-m", "reasonkit", "compare", str(tmp_path / "runs/direct"), str(tmp_path / "runs/cot")
    )
    assert ran.returncode == 0, ran.stderr
    assert "3 items: both right 0, only first 0, only second 2, neither 1" in ran.stdout
    assert "McNemar's exact test: p = 0.5" in ran.stdout
    shown = re.findall(r"trace show (.*) --episode (\d)", ran.stdout)
    assert len(shown) == 4
    looked = command(sys.executable, "-m", "reasonkit", "trace", "show", shown[0][0], "--episode", shown[0][1])
    assert "The answer is a planet" in looked.stdout
    as_json = command(
        sys.executable, "-m", "reasonkit", "compare", "--json", str(tmp_path / "runs/cot"), str(tmp_path / "runs/cot")
    )
    assert json.loads(as_json.stdout)["p"] == 1.0
    refused = command(sys.executable, "-m", "reasonkit", "compare", str(tmp_path), str(tmp_path))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "holds no run" in refused.stderr


def test_finished_runs_are_reported_as_markdown(server: Server, dataset: Path, tmp_path: Path) -> None:
    said = words(server, dataset, "--method", "cot,cot-sc", "--samples", "3", "--out", str(tmp_path / "runs"))
    ran = command(*said)
    assert ran.returncode == 0, ran.stderr
    file = tmp_path / "report.md"
    written = command(sys.executable, "-m", "reasonkit", "report", str(tmp_path / "runs"), "-o", str(file))
    assert (written.returncode, written.stdout) == (0, "")
    text = file.read_text()
    assert text.startswith("## planets: 3 items, metric exact (items ")
    assert "| cot-sc | 3 | 66.7% [20.8%, 93.9%] |" in text
    assert "maj@k; cot-sc n = 3" in text
    assert "| 3 | 66.7% [20.8%, 93.9%] |" in text
    (tmp_path / "runs" / "cot" / "results.jsonl").unlink()
    refused = command(sys.executable, "-m", "reasonkit", "report", str(tmp_path / "runs"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the run has not ended" in refused.stderr


def test_finished_runs_are_reported_as_a_page_that_links_to_the_traces(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    said = words(server, dataset, "--method", "cot,react", "--out", str(tmp_path / "runs"))
    assert command(*said).returncode == 0
    report = [sys.executable, "-m", "reasonkit", "report", "runs", "--out", "runs.html"]
    written = command(*report, cwd=tmp_path)
    assert (written.returncode, written.stdout) == (0, "")
    assert written.stderr == "written to runs.html; 2 traces have a page beside them, which it links to\n"
    text = (tmp_path / "runs.html").read_text()
    assert "planets: 3 items, metric exact" in text
    for link in ("./runs/cot/trace.html#2", "./runs/react/trace.html"):
        assert f'href="{link}"' in text
        assert (tmp_path / link.partition("#")[0]).read_text().startswith("<!doctype html>")
    assert command(*report, "runs.html", cwd=tmp_path).returncode == 0, "runs/* finds the last report as well"
    odd = command(*report[:-1], "runs.docx", cwd=tmp_path)
    assert (odd.returncode, odd.stdout) == (2, "")
    assert "--out is 'runs.docx'; a report ends in .html, .htm, .md, .markdown, .txt or nothing" in odd.stderr
    bare = command(*report, "--no-traces", cwd=tmp_path)
    assert bare.stderr == "written to runs.html\n"
    assert "href" not in (tmp_path / "runs.html").read_text()
    (tmp_path / "runs" / "cot" / "trace.jsonl").unlink()
    refused = command(*report, cwd=tmp_path)
    assert refused.returncode == 2
    assert "runs/cot/trace.jsonl: cannot be read" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_ctrl_c_prints_the_partial_table_and_the_same_command_goes_on(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    said = words(server, dataset, "--method", "cot,react", "--out", str(tmp_path / "runs"))
    server.gate.clear()
    with subprocess.Popen(
        said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as running:
        assert server.asked.wait(60)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        while "finishing the call under way" not in running.stderr.readline():
            pass
        server.gate.set()
        output, talk = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in talk
    assert "reasonkit: interrupted at cot; the same command goes on from there" in talk
    assert output.startswith("| method | n | right |")
    assert "react" not in output
    resumed = command(*said)
    assert resumed.returncode == 0, resumed.stderr
    assert "| cot | 3 |" in resumed.stdout
    assert "| react | 3 |" in resumed.stdout


def test_a_second_ctrl_c_ends_at_once_with_the_table_of_what_there_is(dataset: Path, tmp_path: Path) -> None:
    held, free = threading.Event(), threading.Event()

    def says(prompt: str) -> str:
        if "number 1" in prompt:
            held.set()
            free.wait(60)
        return " The answer is a planet."

    with answering(says) as server:
        said = [sys.executable, "-m", "reasonkit", "eval", str(dataset), "--client", server.url, "--model", "fake"]
        said += ["--method", "cot", "--out", str(tmp_path / "runs")]
        with subprocess.Popen(
            said, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        ) as running:
            assert held.wait(60)
            running.send_signal(signal.SIGINT)
            assert running.stderr is not None
            while "Ctrl-C again ends at once" not in running.stderr.readline():
                pass
            running.send_signal(signal.SIGINT)
            output, talk = running.communicate(timeout=60)
        assert not free.is_set(), "the request under way was waited for"
        assert running.returncode == 130
        assert "Traceback" not in talk
        assert "reasonkit: interrupted at cot; the same command goes on from there" in talk
        assert "| cot | 1 | 100.0% [20.7%, 100.0%] |" in output
        free.set()
        server.bodies.clear()
        resumed = command(*said)
    assert "| cot | 3 | 66.7% [" in resumed.stdout
    assert not [prompt for prompt in server.prompts if "number 0" in prompt], "what stood on record was asked again"


def test_a_terminal_shows_the_running_score_with_its_interval(server: Server, dataset: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    said = words(server, dataset, "--method", "cot", "--out", str(tmp_path / "runs"))
    wide = {**environment(), "COLUMNS": "160", "TERM": "xterm"}
    with subprocess.Popen(said, stdout=subprocess.PIPE, stderr=theirs, env=wide) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
        assert running.stdout is not None
        table = running.stdout.read().decode()
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "3/3 right 66.7% [20.8%, 93.9%]" in text
    assert table.startswith("| method | n |")
    assert "\x1b" not in table


def test_items_that_a_server_fails_are_said_and_asked_again(server: Server, dataset: Path, tmp_path: Path) -> None:
    said = words(server, dataset, "--method", "cot", "--out", str(tmp_path / "runs"))
    dataset.write_text(
        '{"question": "What is it?", "answer": "a planet"}\n{"question": "Is it?", "answer": "a star"}\n'
    )
    down = [word if word != server.url else "http://127.0.0.1:9/v1" for word in said]
    failed = command(*down)
    assert failed.returncode == 1
    assert "cot: 2 of 2 items failed, the first with ConnectionFailed: http://127.0.0.1:9/v1 was not" in failed.stderr
    assert "| error 2 |" in failed.stdout
    mended = command(*said)
    assert (mended.returncode, mended.stderr) == (0, "")
    assert "| cot | 2 | 50.0% [" in mended.stdout


def test_a_method_that_cannot_be_run_does_not_lose_the_table_of_those_before(
    server: Server, dataset: Path, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "react").write_text("somebody's file")
    ran = command(*words(server, dataset, "--method", "cot,react", "--out", str(tmp_path / "runs")))
    assert ran.returncode == 2
    assert "| cot | 3 |" in ran.stdout
    assert len(ran.stderr.splitlines()) == 1
    assert "runs/react: File exists; give a folder that can be written" in ran.stderr


def test_other_settings_in_the_same_folder_are_refused(server: Server, dataset: Path, tmp_path: Path) -> None:
    said = words(server, dataset, "--method", "cot", "--out", str(tmp_path / "runs"))
    assert command(*said, "--n", "2").returncode == 0
    refused = command(*said)
    assert refused.returncode == 2
    assert "holds a run with another n: 2 then, 3 now" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "coot"], "--method names 'coot'; there are: direct, cot, cot-sc, pal"),
        (["--method", "cot,cot"], "--method names 'cot' twice"),
        (["--kind", "gsm9k"], "no kind of dataset 'gsm9k'; there are: own, gsm8k"),
        (["--kind", "fever"], "planets.jsonl, line 1: field 'claim' is missing; the row has: id, question, answer"),
        (["--metric", "bleu"], "--metric is 'bleu'; there are: number, exact, choice, label"),
        (["--n", "4"], "n is 4, but it has 3 items"),
        (["--column", "question"], "--column is 'question'; write OURS=THEIRS"),
        (["--price", "cheap"], "--price is 'cheap'; write PROMPT/COMPLETION"),
        (["--method", "react-cotsc", "--prompt", "react/default"], "--prompt is for one method"),
        (["--engine", "spark"], "--engine is 'spark'; there are: local, ray"),
        (["--workers", "4"], "--workers, --address and --gpus belong to a cluster: give --engine ray"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    more: list[str], message: str, dataset: Path, tmp_path: Path
) -> None:
    ran = command(sys.executable, "-m", "reasonkit", "eval", str(dataset), "--out", str(tmp_path / "runs"), *more)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
