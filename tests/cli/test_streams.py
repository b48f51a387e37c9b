"""What the command line does where its streams are full or closed, where a file cannot be written, where it is misused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reasonkit import PAL, Direct, ScriptedClient
from reasonkit.cli import main

FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


def shell(words: str, redirected: str) -> subprocess.CompletedProcess[str]:
    """Run a command with streams of its own, as a shell sets them up."""
    return subprocess.run(
        ["sh", "-c", f"{sys.executable} -m reasonkit {words} {redirected}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    Direct(ScriptedClient([" 1969"]))("When?", trace=path)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.jsonl"
    with PAL(ScriptedClient(["\n    return 6 * 7"])) as agent:
        agent("How many?", trace=path)
    return path


@full
@pytest.mark.parametrize("words", ["--version", "ask When? --dry-run"])
def test_a_full_stdout_is_said_in_one_line(words: str) -> None:
    ran = shell(words, "> /dev/full")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[-1].startswith("reasonkit: the output could not be written: ")
    assert "Traceback" not in ran.stderr
    assert "Exception ignored" not in ran.stderr


@full
@pytest.mark.parametrize("redirected", ["2> /dev/full", "2>&-"])
def test_an_answer_comes_where_there_is_nowhere_to_talk(recorded: Path, redirected: str) -> None:
    ran = shell(f"ask --replay {recorded}", redirected)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "1969\n", "")


def test_closed_streams_are_no_crash(recorded: Path) -> None:
    ran = shell(f"ask --replay {recorded}", ">&- 2>&-")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    ran = shell("ask When? --dry-run", ">&-")
    assert (ran.returncode, "Traceback" in ran.stderr) == (0, False)


def test_a_reader_that_has_enough_is_no_complaint() -> None:
    ran = shell("--help", "| true")
    assert ran.stderr == ""


def test_the_answer_is_printed_before_a_program_that_cannot_be_saved(
    program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.py"
    assert main(["pal", "--replay", str(program), "--save-program", str(kept)]) == 0
    assert "return 6 * 7" in kept.read_text(encoding="utf-8")
    assert capsys.readouterr().out == "42\n"
    full_name = tmp_path / ("x" * 255 + ".py")
    assert main(["pal", "--replay", str(program), "--save-program", str(tmp_path / "none" / "kept.py")]) == 2
    assert "make it first" in capsys.readouterr().err
    if FULL.exists():
        assert main(["pal", "--replay", str(program), "--save-program", str(FULL)]) == 2
        said = capsys.readouterr()
        assert said.out == "42\n"
        assert "/dev/full: the program was not saved: No space left on device" in said.err
    assert main(["pal", "--replay", str(program), "--save-program", str(full_name)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "No such command 'nosuch'. See `reasonkit --help`."),
        (["trace", "nosuch"], "No such command 'nosuch'. See `reasonkit trace --help`."),
        (["ask", "q", "--prompt", ""], "name is empty"),
        (["ask", "q", "--prompt", "nothing/like/it"], "summary/default. A folder"),
        (["ask", "q", "--trace", ""], "--trace '.' is a folder; name a file"),
        (["ask", "q", "--replay", ""], "--replay '.' is a folder; name a file"),
        (["ask", "q", "--client", "http://[::1"], "is no address"),
        (
            ["pal", "q", "--client", "http://localhost:1/v1", "--model", "m", "--save-program", "no/folder.py"],
            "there is no such folder; make it first",
        ),
        (["doctor", "http://[::1"], "is no address"),
        (["doctor", "http://localhost:1/v1", "--save", "no/such/folder"], "folder that is there"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert len(told.err.splitlines()) == 1


def test_without_a_command_the_help_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Usage: reasonkit ")
    assert any(line.strip().startswith("react ") for line in lines)
