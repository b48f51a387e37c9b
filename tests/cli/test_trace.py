"""`reasonkit trace` as a newcomer uses it: what is said, what is data, and what exits with which code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit import Prompt, Result
from reasonkit.cli import main
from reasonkit.trace import Trace
from tests.cli.server import Server, serving
from tests.trace.recorded import HOSTILE, record_program, record_react, record_votes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return record_react(tmp_path / "run.jsonl")


def test_show_lists_episodes_and_opens_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", str(file)]) == 0
    out = capsys.readouterr().out
    assert "Where does the river end?" in out
    assert "Where does the road end?" in out
    assert main(["trace", "show", str(file), "--episode", "1"]) == 0
    out = capsys.readouterr().out
    assert "Action 1: Find[road]" in out
    assert "Observation 1: About road." in out
    assert "(asked again)" in out
    assert "Answer: the sea (finish)" in out
    assert "taking turns" not in out
    assert main(["trace", "show", str(file), "--episode", "1", "--requests"]) == 0
    assert "taking turns" in capsys.readouterr().out


def test_show_lets_no_recorded_text_write_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reasonkit import Question

    file = record_react(tmp_path / "t.jsonl", [Question(text="Is \x1b]0;owned\x07 [bold]hostile[/bold] river safe?")])
    assert main(["trace", "show", str(file)]) == 0
    out = capsys.readouterr().out
    assert "\x07" not in out
    assert "\x1b]" not in out
    assert "[bold]hostile[/bold]" in out


def test_show_counts_votes_and_prints_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["trace", "show", str(record_votes(tmp_path / "v.jsonl"))])
    assert "votes: " in capsys.readouterr().out
    main(["trace", "show", str(record_program(tmp_path / "p.jsonl"))])
    out = capsys.readouterr().out
    assert "roses = 5 * 12" in out
    assert "Value: '60'" in out


def test_two_recordings_of_one_run_do_not_differ(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "diff", str(file), str(record_react(tmp_path / "again.jsonl"))]) == 0
    assert capsys.readouterr() == ("", "0 of 2 episodes differ\n")


def test_diff_shows_the_first_difference_of_each_episode(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(file.read_text().replace('"text": "About road."', '"text": "About a lane."'))
    assert main(["trace", "diff", str(file), str(other)]) == 1
    out, err = capsys.readouterr()
    assert "episode 1, place 0 #1" in out
    assert "-=> About road." in out
    assert "+=> About a lane." in out
    assert "episode 0" not in out
    assert err == "1 of 2 episodes differ\n"
    assert main(["trace", "diff", str(file), str(other), "--json"]) == 1
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["where"] == "episode 1, place 0 #1"


def test_an_episode_that_only_one_has_differs(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = tmp_path / "short.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    short.write_text("".join(line for line in lines if '"episode": 1' not in line))
    assert main(["trace", "diff", str(file), str(short)]) == 1
    assert "+(not there)" in capsys.readouterr().out


def test_stats_count_steps_recoveries_tokens_and_time(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "stats", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    with Trace(file, append=False) as trace:
        results = list(trace.results())
    assert (found["episodes"], found["answered"], found["steps"]) == (2, 2, 6)
    assert found["stop_reasons"] == {"finish": 2}
    assert found["tools"] == {"Find": 4}
    assert found["reasked"] == 2
    assert found["usage"]["requests"] == sum(result.usage.requests for result in results) == 8
    assert found["model_seconds"] > 0
    assert main(["trace", "stats", str(file)]) == 0
    assert "6, at most 3 an episode" in capsys.readouterr().out


def test_html_goes_to_stdout_or_a_file(file: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["trace", "html", str(file)]) == 0
    printed = capfdbinary.readouterr().out
    assert printed.startswith(b"<!doctype html>")
    assert main(["trace", "html", str(file), "-o", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_bytes() == printed


def rows(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["trace", "export", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_sft_rows_join_to_what_was_sent_and_learn_only_the_models_words(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = rows(capsys, str(file), "--format", "sft")
    assert (first["id"], second["id"]) == ("r1", "r2")
    with Trace(file, append=False) as trace:
        assert trace.run is not None
        assert first["prompt_sha256"] == trace.run.prompt_sha256 is not None
    segments = second["segments"]
    assert isinstance(segments, list)
    learned = [segment["text"] for segment in segments if segment["learn"]]
    assert learned == [
        " I look for the road.\nAction 1: Find[road]",
        " That does not help.",
        " Find[the end of the road]",
        " Now I know.\nAction 3: Finish[the sea]",
    ]
    assert "About road." in "".join(segment["text"] for segment in segments if not segment["learn"])
    with Trace(file, append=False) as trace:
        events = [event for _, event in sorted(trace.recording(1).events.items())]
    whole = "".join(segment["text"] for segment in segments)
    requests = [event.request for event in events if isinstance(event.request, str)]
    assert requests
    assert all(whole.startswith(request) for request in requests)


def test_chat_rows_are_what_was_sent_with_weight_on_the_last_turn_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = record_react(tmp_path / "t.jsonl", chat=True)
    found = rows(capsys, str(file), "--format", "chat")
    assert len(found) == 8
    with Trace(file, append=False) as trace:
        request = trace.recording(0).events[(0,)].request
    assert isinstance(request, tuple)
    messages = found[0]["messages"]
    assert isinstance(messages, list)
    assert [(one["role"], one["content"]) for one in messages[:-1]] == [(one.role, one.content) for one in request]
    assert messages[-1] == {
        "role": "assistant",
        "content": " I look for the river.\nAction 1: Find[river]",
        "weight": 1,
    }
    assert all(one.get("weight", 0) == 0 for one in messages[:-1])


def test_only_what_agrees_with_the_gold_is_exported(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = rows(capsys, str(file), "--format", "sft", "--correct-only")
    assert row["question"] == "Where does the river end?"
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        '{"id": "r1", "answer": "a lake"}\n\n{"question": "Where does the road end?", "answer": ["x", "Sea"]}\n'
    )
    (row,) = rows(capsys, str(file), "--format", "sft", "--correct-only", "--gold", str(gold))
    assert row["question"] == "Where does the road end?"
    gold.write_text('{"id": "r1", "answer": "a lake"}\n{"id": "r2", "answer": "a hill"}\n')
    assert main(["trace", "export", str(file), "--format", "sft", "--correct-only", "--gold", str(gold)]) == 1
    assert capsys.readouterr() == ("", "0 rows; left out: 0 without an answer, 2 not correct\n")


def test_samples_of_a_vote_are_rows_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, str(record_votes(tmp_path / "v.jsonl")), "--format", "sft")
    assert len(found) == 7
    assert len({str(row["segments"]) for row in found}) > 1


@pytest.mark.parametrize("method", ["react", "pal"])
def test_demonstrations_are_loaded_by_a_prompt(method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = record_react(tmp_path / "t.jsonl") if method == "react" else record_program(tmp_path / "t.jsonl")
    prompt = Prompt.load(f"{method}/default")
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("instruction", "question", "answer"):
        (folder / f"{name}.jinja").write_text(getattr(prompt, name))
    target = folder / "demonstrations.jsonl"
    assert main(["trace", "export", str(file), "--format", "demonstrations", "-o", str(target)]) == 0
    opened = Prompt.load(folder).open(next(iter(results(file))).question)
    shown = opened.demonstrations[0]
    if method == "react":
        assert shown.question == "Question: Where does the river end?\n"
        assert shown.answer.startswith("Thought 1: I look for the river.\nAction 1: Find[river]\nObservation 1: About")
        assert shown.answer.rstrip().endswith("Action 3: Finish[the sea]")
    else:
        assert "roses = 5 * 12" in shown.answer


def results(file: Path) -> list[Result]:
    with Trace(file, append=False) as trace:
        return list(trace.results())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "none.jsonl"], "none.jsonl: No such file"),
        (["show", "run.jsonl", "--episode", "7"], "no episode 7"),
        (["diff", "run.jsonl", "none.jsonl"], "none.jsonl"),
        (["html", "foreign.txt"], "not a trace"),
        (["html", "run.jsonl", "-o", "no/such/folder.html"], "no/such/folder.html"),
        (["export", "run.jsonl", "--format", "poems"], "poems"),
        (["export", "run.jsonl"], "--format"),
        (["export", "run.jsonl", "--format", "sft", "--gold", "gold.jsonl"], "give --correct-only"),
        (["export", "run.jsonl", "--format", "sft", "--correct-only", "--gold", "foreign.txt"], "foreign.txt, line 1"),
        (["export", "votes.jsonl", "--format", "sft", "--correct-only"], "give --gold FILE"),
        (["export", "votes.jsonl", "--format", "demonstrations"], "not of 'self_consistency'"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: list[str], said: str, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(file.parent)
    Path("foreign.txt").write_text(f"{HOSTILE} my diary")
    record_votes(Path("votes.jsonl"))
    capsys.readouterr()
    assert main(["trace", *words]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.startswith("reasonkit: ")
    assert len(err.splitlines()) == 1
    assert out == ""


def test_a_torn_last_line_is_said_on_stderr(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(file.read_bytes()[:-9])
    assert main(["trace", "stats", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["episodes"] == 2
    assert "its last line was not written whole" in err
    assert len(err.splitlines()) == 1


# --- from a recorded run ------------------------------------------------------------------------------------------

QUESTION = "Which planet is nearest to the Sun?"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    file = tmp_path / "run.jsonl"
    with serving() as server:
        assert main(["react", QUESTION, "--client", server.url, "--model", "fake", "--trace", str(file)]) == 0
        server.asked.clear()
        yield server, file


def test_a_run_is_forked_from_a_step(recorded: tuple[Server, Path], capsys: pytest.CaptureFixture[str]) -> None:
    server, file = recorded
    new = file.with_name("fork.jsonl")
    words = ["react", "--replay", str(file), "--from-step", "2", "--client", server.url, "--model", "other"]
    capsys.readouterr()
    assert main([*words, "--trace", str(new)]) == 0
    out, err = capsys.readouterr()
    assert out == "a planet\n"
    assert "Action 1: Search[Mercury]" in err
    assert server.asked.is_set()
    with Trace(new, append=False) as trace:
        assert trace.run is not None
        assert trace.run.parent == f"{file}#step=2"
        assert trace.run.client["model"] == "other"
    assert main(["react", "--replay", str(new)]) == 0


def test_the_model_or_the_tool_says_something_else(
    recorded: tuple[Server, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server, file = recorded
    words = ["react", "--replay", str(file), "--client", server.url, "--model", "fake"]
    capsys.readouterr()
    assert main([*words, "--from-step", "2", "--say", " Enough.\nAction 2: Finish[Mercury]"]) == 0
    assert capsys.readouterr().out == "Mercury\n"
    assert not server.asked.is_set()
    assert main([*words, "--from-step", "1", "--observe", "It is a god."]) == 0
    out, err = capsys.readouterr()
    assert "Observation 1: It is a god." in err
    assert out == "a planet\n"


def test_what_cannot_be_forked_is_one_clear_line(
    recorded: tuple[Server, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server, file = recorded
    client = ["--client", server.url, "--model", "fake"]
    for words, said in (
        (["react", QUESTION, "--from-step", "2", *client], "needs a recorded run"),
        (["react", QUESTION, "--say", "x", *client], "--say and --observe belong to a step"),
        (
            ["react", "--replay", str(file), "--from-step", "2", "--trace", str(file), *client],
            "holds another run already",
        ),
        (["react", "--replay", str(file), "--from-step", "2", "--observe", "x", *client], "step 2 used no tool"),
        (["react", "--replay", str(file), "--from-step", "0", *client], "--from-step"),
    ):
        capsys.readouterr()
        assert main(words) == 2
        assert said in capsys.readouterr().err
