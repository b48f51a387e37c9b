"""The command line in a subprocess, as a newcomer uses it: good input, bad input, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit.clients.http import EndpointFacts, save_facts
from tests.cli.server import Server, serving

QUESTION = "Which planet is nearest to the Sun?"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def command(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "reasonkit", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=60,
    )


def test_an_episode_prints_its_steps_to_stderr_and_its_answer_to_stdout(server: Server) -> None:
    ran = command("react", QUESTION, "--client", server.url, "--model", "fake")
    assert (ran.returncode, ran.stdout) == (0, "a planet\n"), ran.stderr
    lines = ran.stderr.splitlines()
    assert lines[0] == "Thought 1: I need to search Mercury."
    assert lines[1] == "Action 1: Search[Mercury]"
    assert lines[2].startswith("Observation 1: Could not find Mercury. Similar: [")
    assert lines[3:] == ["Thought 2: That is enough.", "Action 2: Finish[a planet]"]


def test_json_has_every_field_and_a_replay_gives_the_same_without_the_server(server: Server, tmp_path: Path) -> None:
    trace = str(tmp_path / "run.jsonl")
    ran = command("react", QUESTION, "--client", server.url, "--model", "fake", "--trace", trace, "--json")
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout)
    assert printed["question"] == QUESTION
    assert (printed["answer"], printed["stop_reason"], printed["error"]) == ("a planet", "finish", None)
    assert [step["action"] for step in printed["steps"]] == [
        {"tool": "Search", "argument": "Mercury"},
        {"tool": "Finish", "argument": "a planet"},
    ]
    assert printed["steps"][0]["thought"] == "I need to search Mercury."
    assert printed["usage"]["requests"] == 2
    server.shutdown()
    again = command("react", "--replay", trace, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == printed
    shown = command("react", "--replay", trace)
    assert shown.stdout == "a planet\n"
    assert "Action 1: Search[Mercury]" in shown.stderr


def test_a_recorded_run_is_not_asked_again(server: Server, tmp_path: Path) -> None:
    words = ("react", QUESTION, "--client", server.url, "--model", "fake", "--trace", str(tmp_path / "run.jsonl"))
    assert command(*words).returncode == 0
    server.asked.clear()
    assert command(*words).stdout == "a planet\n"
    assert not server.asked.is_set()


def test_the_other_methods_answer_too(server: Server) -> None:
    for method, answer in (("cot", "a planet"), ("ask", "It is small. The answer is a planet.")):
        ran = command(method, QUESTION, "--client", server.url, "--model", "fake")
        assert (ran.returncode, ran.stdout) == (0, f"{answer}\n"), ran.stderr


def test_a_dry_run_prints_the_exact_request_and_sends_nothing(server: Server) -> None:
    words = ("react", QUESTION, "--client", server.url, "--model", "fake", "--dry-run")
    ran = command(*words)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.rstrip().endswith(f"Question: {QUESTION}\nThought 1:")
    assert "nothing was sent" in ran.stderr
    printed = json.loads(command(*words, "--json").stdout)
    assert set(printed) == {"request", "tokens", "sha256"}
    assert len(printed["sha256"]) == 64
    assert not server.asked.is_set()


def test_what_the_doctor_saved_decides_how_a_server_is_asked(server: Server, tmp_path: Path) -> None:
    save_facts(EndpointFacts(endpoint="chat"), tmp_path / "chat.json")
    words = (QUESTION, "--client", server.url, "--model", "fake", "--dry-run", "--json", "--capabilities")
    for method in ("react", "cot", "pal"):
        ran = command(method, *words, str(tmp_path / "chat.json"))
        assert isinstance(json.loads(ran.stdout)["request"], list), ran.stderr  # messages: it is asked as a chat
    missing = command("react", *words, str(tmp_path / "none.json"))
    assert (missing.returncode, "none.json" in missing.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["react", ""], "there is no question"),
        (["react", "q", "--capabilities", "empty.jsonl"], "capabilities= are for servers"),
        (["react", "   "], "there is no question"),
        (["react"], "there is no question"),
        (["react", "q", "--client", "gguf:/no/such/model.gguf"], "/no/such/model.gguf"),
        (["react", "q", "--client", "local:/no/such/folder"], "/no/such/folder"),
        (["react", "q", "--client", "gguf:"], "names no path"),
        (["react", "q", "--client", "nonsense"], "'nonsense' is no client"),
        (["react", "q", "--client", "http://127.0.0.1:9/v1", "--model", "m"], "127.0.0.1:9"),
        (["react", "q", "--client", "openai:gpt"], "OPENAI_API_KEY"),
        (["react", "q", "--frobnicate"], "No such option: --frobnicate"),
        (["reakt", "q"], "No such command 'reakt'"),
        (["react", "q", "--max-steps", "0"], "--max-steps"),
        (["react", "q", "--max-steps", "many"], "--max-steps"),
        (["react", "q", "--prompt", "react/nothing"], "no prompt 'react/nothing'"),
        (["react", "q", "--pages", "elsewhere"], "elsewhere"),
        (["react", "--replay", "missing.jsonl"], "missing.jsonl"),
        (["react", "--replay", "foreign.txt"], "foreign.txt"),
        (["react", "--replay", "empty.jsonl"], "empty"),
        (["react", "--replay", "broken.jsonl"], "broken.jsonl, line 2"),
        (["cot", "--replay", "broken.jsonl"], "broken.jsonl"),
        (["react", "q", "--trace", "foreign.txt", "--client", "http://127.0.0.1:9/v1", "--model", "m"], "foreign.txt"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_exit_code_2(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "foreign.txt").write_text("my diary, without a line end")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "broken.jsonl").write_text('{"line": "run", "format": 1, "strategy": "react"}\n{"line": "ev\n')
    ran = command(*words, cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr
    assert message in ran.stderr
    lines = ran.stderr.strip().splitlines()
    assert len(lines) == 1, ran.stderr
    assert lines[0].startswith("reasonkit: ")
    assert ran.stdout == ""
    assert (tmp_path / "foreign.txt").read_text() == "my diary, without a line end"


def test_the_first_interrupt_finishes_the_call_and_saves(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl"
    words = ["react", QUESTION, "--client", server.url, "--model", "fake", "--trace", str(trace)]
    server.gate.clear()
    running = subprocess.Popen([sys.executable, "-m", "reasonkit", *words], stderr=subprocess.PIPE, text=True)
    assert server.asked.wait(20)
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    assert "finishing the call" in running.stderr.readline() + running.stderr.readline()
    server.gate.set()
    assert running.wait(20) == 130
    running.stderr.close()
    kinds = [json.loads(line)["line"] for line in trace.read_text().splitlines()]
    assert kinds == ["run", "episode", "event", "end"]
    assert json.loads(trace.read_text().splitlines()[-1])["stop_reason"] == "cancelled"
    resumed = command(*words)
    assert (resumed.returncode, resumed.stdout) == (0, "a planet\n"), resumed.stderr


def test_the_second_interrupt_ends_at_once(server: Server, tmp_path: Path) -> None:
    trace = tmp_path / "run.jsonl"
    server.gate.clear()
    running = subprocess.Popen(
        [sys.executable, "-m", "reasonkit", "react", QUESTION, "--client", server.url, "--model", "fake",
         "--trace", str(trace)], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.asked.wait(20)
    assert running.stderr is not None
    running.send_signal(signal.SIGINT)
    while "finishing the call" not in running.stderr.readline():
        pass
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 130
    assert "Traceback" not in running.stderr.read()
    running.stderr.close()
    assert json.loads(trace.read_text().splitlines()[-1])["stop_reason"] == "cancelled"


def test_the_doctor_says_what_the_endpoint_and_the_sandbox_can_be_trusted_with(server: Server, tmp_path: Path) -> None:
    isolation = command("doctor", "--sandbox")
    assert isolation.stdout.startswith("isolation: ")
    assert json.loads(command("doctor", "--sandbox", "--json").stdout)["level"] in ("full", "required", "reduced")
    refused = command("doctor", "http://127.0.0.1:9/v1")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is the server running" in refused.stderr
    assert "name an endpoint" in command("doctor").stderr


def test_the_parser_is_scored_on_a_corpus(tmp_path: Path) -> None:
    corpus = Path(__file__).parents[1] / "conformance" / "steps.jsonl"
    scored = command("steps", "score", str(corpus))
    assert scored.returncode == 0, scored.stdout + scored.stderr
    assert "lower_case_verb" in scored.stdout
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"id": "a", "text": "x"}')
    assert command("steps", "score", str(wrong)).returncode == 2


def test_a_saved_program_runs_without_a_model(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("def solution():\n    return 6 * 7\n")
    ran = command("pal", "--program", str(program))
    assert (ran.returncode, ran.stdout) == (0, "42\n"), ran.stderr
    program.write_text("def solution():\n    return 1 / 0\n")
    failed = command("pal", "--program", str(program))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "ZeroDivisionError" in failed.stderr
    assert command("pal", "--program", "missing.py").returncode == 2


def test_version_and_help() -> None:
    assert command("--version").stdout.startswith("reasonkit 0.")
    for words in ([], ["react"], ["ask"], ["cot"], ["act"]):
        helped = command(*words, "--help")
        assert helped.returncode == 0
        assert "Usage: reasonkit" in helped.stdout


def test_samples_of_a_chain_vote_and_want_a_temperature(server: Server) -> None:
    words = ("cot", QUESTION, "--client", server.url, "--model", "fake", "--samples", "3")
    voted = command(*words, "--temperature", "0.7", "--json")
    assert voted.returncode in (0, 1), voted.stderr
    printed = json.loads(voted.stdout)
    assert sum(vote["count"] for vote in printed["votes"]) + printed["abstained"] + printed["saved"] == 3
    greedy = command(*words)
    assert (greedy.returncode, greedy.stdout) == (2, "")
    assert "at temperature 0 all samples are the same" in greedy.stderr
