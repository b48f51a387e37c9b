"""An evaluation on Ray: the worker by hand, then a real Ray of this machine, with workers that are killed on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reasonkit import CoT, ScriptedClient, SelfConsistency
from reasonkit.errors import ConnectionFailed, InputError, MissingExtra
from reasonkit.evaluation import evaluate
from reasonkit.evaluation.cluster import evaluate_on_ray
from reasonkit.evaluation.cluster.worker import Worker
from reasonkit.trace import Recording, Run, Trace
from reasonkit.types import Capabilities, Failure, Request
from tests.evaluation.answering import answering
from tests.evaluation.items import added, asked, sums

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "RAY_"))}
needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the extra `ray` is not installed")


def voter() -> SelfConsistency:
    """Make a vote whose samples depend on their seeds alone."""

    def say(request: Request) -> str:
        return f" The answer is {2 * asked(request) + (request.seeds[0] % 3 == 0)}."

    return SelfConsistency(CoT(ScriptedClient(say), answer_type="number", temperature=0.7), n=4, own=True)


# --- a worker by hand ------------------------------------------------------------------------------------------------


def test_a_worker_s_lines_are_those_of_a_run_on_one_machine_in_whatever_order_it_is_asked(tmp_path: Path) -> None:
    evaluate(voter(), sums(5), tmp_path / "here")
    worker = Worker(voter)
    run = worker.begin()
    assert isinstance(run, Run)
    with Trace(tmp_path / "away.jsonl") as trace:
        trace.append([run])
        for number in (3, 0, 4, 2, 1):
            trace.append(worker.answer(number, sums(5).questions[number], Recording(), None))
        with Trace(tmp_path / "here" / "trace.jsonl", append=False) as here:
            assert trace.canonical() == here.canonical()


def test_a_worker_goes_on_with_what_is_on_record(tmp_path: Path) -> None:
    def shaky(request: Request) -> str:
        if request.seeds[0] % 2:
            raise ConnectionFailed("the server went away")
        return added(request)

    alone = Capabilities(samples=False)
    cot = CoT(ScriptedClient(shaky, capabilities=alone), answer_type="number", temperature=0.7)
    evaluate(SelfConsistency(cot, n=6), sums(1), tmp_path / "broken")
    client = ScriptedClient(added, capabilities=alone)
    worker = Worker(lambda: SelfConsistency(CoT(client, answer_type="number", temperature=0.7), n=6))
    worker.begin()
    with Trace(tmp_path / "broken" / "trace.jsonl", append=False) as trace:
        recorded = trace.recording(0)
        had = len(recorded.events)
        assert recorded.end is not None
        assert recorded.end.stop_reason == "error"
        lines = worker.answer(0, sums(1).questions[0], recorded, None)
    assert had > 0
    assert 0 < len(client.requests) < 6, "what stood on record was asked again"
    assert not any(type(line).__name__ == "Opened" for line in lines)


def test_an_agent_that_cannot_be_made_is_data_and_a_worker_that_has_none_does_not_answer() -> None:
    worker = Worker(lambda: CoT("gguf:/no/such/model.gguf"))
    failure = worker.begin()
    assert isinstance(failure, Failure)
    assert "/no/such/model.gguf" in failure.message
    with pytest.raises(TypeError, match="begins before it answers"):
        worker.answer(0, sums(1).questions[0], Recording(), None)


# --- without Ray -----------------------------------------------------------------------------------------------------


def test_without_the_extra_the_error_holds_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_ADDRESS", "auto")  # and the environment is left alone
    with pytest.raises(MissingExtra, match=r"an evaluation on Ray needs .*: pip install 'reasonkit\[ray\]'"):
        evaluate_on_ray(voter, sums(1), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "said"), [({"workers": 0}, "workers is 0"), ({"concurrency": 0}, "concurrency is")]
)
def test_what_no_cluster_can_do_is_refused_first(options: dict[str, int], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        evaluate_on_ray(voter, sums(1), tmp_path / "run", **options)  # type: ignore[arg-type]


@pytest.mark.slow
@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9"])
def test_a_cluster_that_is_not_there_is_one_clear_error(address: str, tmp_path: Path) -> None:
    program = (
        "import sys; from reasonkit import CoT; from reasonkit.evaluation.cluster import evaluate_on_ray;"
        "from tests.evaluation.items import sums;"
        f"evaluate_on_ray(CoT, sums(1), sys.argv[1], address={address!r})"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")], capture_output=True, text=True, timeout=240,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode == 1
    said = f"reasonkit.errors.ClusterError: no Ray cluster at {address}: Connection refused; is it started?"
    assert said in ran.stderr
    assert not (tmp_path / "run").exists()


# --- a real Ray ------------------------------------------------------------------------------------------------------


def on_ray(what: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tests.evaluation.on_ray", what, str(folder)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what four runs on one Ray came to."""
    with on_ray("together", tmp_path_factory.mktemp("together")) as running:
        output, talk = running.communicate(timeout=300)
    assert running.returncode == 0, talk
    return json.loads(output.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.slow
@needs_ray
def test_a_worker_that_is_killed_on_the_way_costs_no_item_and_the_trace_is_that_of_one_machine(
    found: dict[str, Any],
) -> None:
    killed = found["killed"]
    said = [line.split() for line in killed["said"]]
    assert {name for name, _ in said} == {f"s{number}" for number in range(60)}
    assert len({process for _, process in said}) >= 2, "two workers, and the one that took the place of the dead"
    assert killed["same"], "the traces differ"
    assert set(killed["right"]) == {"0.900 [0.799, 0.953] n=60"}
    assert len(said) <= 60 + 2, "only what was under way in the dead worker may be asked again"


@pytest.mark.slow
@needs_ray
def test_what_is_on_record_is_asked_again_by_neither_engine(found: dict[str, Any]) -> None:
    assert not found["killed"]["asked_again"]


@pytest.mark.slow
@needs_ray
def test_an_item_that_kills_every_worker_is_a_recorded_failure(found: dict[str, Any]) -> None:
    deadly = found["deadly"]
    assert deadly["n"] == 20
    assert dict(deadly["ends"]) == {"finish": 19, "error": 1}
    assert deadly["error"].startswith("ClusterError: 3 workers died with this item under way")


@pytest.mark.slow
@needs_ray
def test_an_agent_that_cannot_be_made_is_said_before_anything_is_written(found: dict[str, Any]) -> None:
    assert "a worker cannot make its agent: ModelNotFound: " in found["deadly"]["unmade"]
    assert not found["deadly"]["wrote"]


@pytest.mark.slow
@needs_ray
def test_a_cancelled_run_keeps_what_came_and_ends_later(found: dict[str, Any]) -> None:
    stopped = found["stopped"]
    assert 10 < stopped["part"] < 200
    assert stopped["whole"] == 200
    assert stopped["twice"] == 0


@pytest.mark.slow
@needs_ray
def test_ray_of_this_machine_listens_on_loopback_alone(found: dict[str, Any]) -> None:
    assert found["loopback"]
    assert {address.removeprefix("::ffff:") for address in found["loopback"]} == {"127.0.0.1"}


@pytest.mark.slow
@needs_ray
def test_after_kill_9_of_the_one_that_writes_the_same_call_goes_on(tmp_path: Path) -> None:
    for name in ("reached", "hold"):
        os.mkfifo(tmp_path / name)
    reached = os.open(tmp_path / "reached", os.O_RDONLY | os.O_NONBLOCK)
    with on_ray("forever", tmp_path) as running:
        there = any(
            select.select([reached], [], [], 5)[0] or running.poll() is not None for _ in range(50)
        )  # until a worker comes to the item at which it waits, or there is none
        ended_early = running.poll()
        running.send_signal(signal.SIGKILL)
        talk = running.communicate()[1]
    os.close(reached)
    assert there, talk
    assert ended_early is None, talk
    recorded = ended(tmp_path / "run" / "trace.jsonl")
    assert recorded
    for name in ("reached", "hold", "log"):
        (tmp_path / name).unlink()
    with on_ray("forever", tmp_path) as running:
        output, talk = running.communicate(timeout=180)
    assert running.returncode == 0, talk
    assert json.loads(output.splitlines()[-1]) == {"n": 60, "right": "0.900 [0.799, 0.953] n=60"}
    said = Counter((tmp_path / "log").read_text().split())
    assert max(said.values()) == 1
    assert not recorded & set(said), "what stood on record was asked again"
    assert recorded | set(said) == {f"s{number}" for number in range(60)}


def ended(trace: Path, *reasons: str) -> set[str]:
    """Return the items that ended in whole lines, for one of the reasons if some are given."""
    lines = [json.loads(line) for line in trace.read_bytes().split(b"\n")[:-1]]
    ends = [line for line in lines if line["line"] == "end"]
    return {f"s{line['episode']}" for line in ends if not reasons or line["stop_reason"] in reasons}


@pytest.mark.slow
@needs_ray
def test_the_command_asks_one_server_with_many_agents_stops_at_ctrl_c_and_goes_on_with_either_engine(
    tmp_path: Path,
) -> None:
    held, free = threading.Event(), threading.Event()

    def counts(prompt: str) -> str:
        if "What is 6 and" in prompt:
            held.set()
            free.wait(120)
        return " That makes 7. The answer is 7."

    dataset = tmp_path / "sums.jsonl"
    rows = [{"id": f"s{n}", "question": f"What is {n} and 3?", "answer": str(n + 3)} for n in range(12)]
    dataset.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with answering(counts) as server:
        words = [sys.executable, "-m", "reasonkit", "eval", str(dataset), "--client", server.url, "--model", "fake"]
        words += ["--metric", "number", "--out", str(tmp_path / "runs")]
        ray = ["--engine", "ray", "--workers", "2", "--concurrency", "2"]
        with subprocess.Popen(
            [*words, *ray], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
            start_new_session=True,
        ) as running:  # fmt: skip
            assert held.wait(120)
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: Ray's processes get it too
            assert running.stderr is not None
            while "finishing the call under way" not in running.stderr.readline():
                assert running.poll() is None
            free.set()
            output, talk = running.communicate(timeout=120)
        assert running.returncode == 130, talk
        assert "Traceback" not in talk
        assert "interrupted at cot; the same command goes on from there" in talk
        assert re.search(r"\| cot \| \d+ \|", output)
        answered = ended(tmp_path / "runs" / "cot" / "trace.jsonl", "finish")
        assert "s6" in answered, "what was under way came too late"
        assert len(answered) < 12
        server.bodies.clear()
        ran = subprocess.run([*words, *ray], capture_output=True, text=True, env=ENVIRONMENT, timeout=240)
        assert ran.returncode == 0, ran.stderr
        assert "| cot | 12 | 8.3% [1.5%, 35.4%] |" in ran.stdout
        said = Counter(found[1] for prompt in server.prompts if (found := re.search(r"What is (\d+) and 3", prompt)))
        assert set(said) == {str(n) for n in range(12)} - {name[1:] for name in answered}
        server.bodies.clear()
        again = subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
        assert "| cot | 12 | 8.3% [1.5%, 35.4%] |" in again.stdout
        assert not [prompt for prompt in server.prompts if "What is" in prompt], "what stood on record was asked again"
