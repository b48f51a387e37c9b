"""PAL with the real sandbox: programs run, fail, are refused, voted on and replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from reasonkit import PAL, ScriptedClient, SelfConsistency
from reasonkit.agents.programs import run_again
from reasonkit.sandbox import Sandbox

GOOD = "\n    apples = 6\n    baskets = 7\n    return apples * baskets"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def test_a_program_runs_in_the_sandbox_and_says_what_was_enforced(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    result = PAL(ScriptedClient([GOOD]), sandbox=sandbox)("How many apples?", trace=file)
    assert (result.answer, result.stop_reason) == ("42", "finish")
    assert result.program == f"def solution():{GOOD}"
    assert result.execution is not None
    assert (result.execution.value, result.execution.error) == (42, None)
    assert "policy" in result.execution.enforced
    assert PAL.replay(file) == [result]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("\n    return 1 / 0", "exception"),
        ("\n    import os\n    return os.getpid()", "refused"),
        ("\n    return open('/etc/hostname').read()", "exception"),
        ("\n    return (1", "syntax"),
    ],
)
def test_a_failing_program_is_a_result_with_its_error(sandbox: Sandbox, body: str, kind: str) -> None:
    result = PAL(ScriptedClient([body]), sandbox=sandbox)("How many?")
    assert (result.answer, result.stop_reason) == (None, "finish")
    assert result.execution is not None
    assert result.execution.error is not None
    assert result.execution.error.kind in (kind, "refused")
    assert result.error is None


def test_a_repair_mends_a_program(sandbox: Sandbox) -> None:
    client = ScriptedClient(["\n    return apples", GOOD])
    result = PAL(client, sandbox=sandbox, repair=True)("How many apples?")
    assert result.answer == "42"
    assert "NameError" in str(client.requests[1].prompt)


def test_programs_vote_and_a_failing_one_abstains(sandbox: Sandbox) -> None:
    client = ScriptedClient([GOOD, "\n    return 1 / 0", "\n    return 42.0", "\n    return 7"])
    result = SelfConsistency(PAL(client, sandbox=sandbox, temperature=0.7), n=4, early_stop=False)("How many?")
    assert [(vote.answer, vote.count) for vote in result.votes] == [("42", 2), ("7", 1)]
    assert (result.answer, result.abstained) == ("42", 1)
    assert result.program == f"def solution():{GOOD}"


def test_a_denied_program_does_not_run(sandbox: Sandbox) -> None:
    result = PAL(ScriptedClient([GOOD]), sandbox=sandbox, approve=lambda effect: False)("How many?")
    assert result.execution is not None
    assert result.execution.error is not None
    assert result.execution.error.kind == "denied"


def test_many_programs_run_side_by_side_from_an_event_loop(sandbox: Sandbox) -> None:
    agent = PAL(ScriptedClient(lambda request: f"\n    return {len(str(request.prompt))}"), sandbox=sandbox)
    results = asyncio.run(agent.amap([f"q{'x' * i}" for i in range(12)], concurrency=6))
    answers = [int(result.answer or 0) for result in results]
    assert answers == [answers[0] + i for i in range(12)]


def test_the_agents_own_sandbox_begins_late_and_is_closed() -> None:
    with PAL(ScriptedClient([GOOD])) as agent:
        assert agent("How many?").answer == "42"


def test_a_saved_program_runs_again_without_the_model(sandbox: Sandbox) -> None:
    result = PAL(ScriptedClient([GOOD]), sandbox=sandbox)("How many apples?")
    assert result.program is not None
    assert run_again(result.program, sandbox).value == 42
    assert run_again("answer = 'a' * 3").value == "aaa"
    broken = run_again("def solution(:", sandbox)
    assert broken.error is not None
    assert broken.error.kind == "syntax"


def test_after_close_no_program_runs_and_no_new_sandbox_is_begun() -> None:
    with PAL(ScriptedClient([GOOD, GOOD])) as agent:
        assert agent("How many apples?").answer == "42"
    result = agent("How many apples?")
    assert result.error is not None
    assert (result.error.kind, result.stop_reason) == ("SandboxUnavailable", "error")
