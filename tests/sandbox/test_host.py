"""The sandbox among threads, event loops, forks and violent ends: it works, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reasonkit.errors import InputError, IsolationUnavailable, SandboxUnavailable
from reasonkit.sandbox import Sandbox, describe_isolation, isolation
from reasonkit.sandbox.isolation import REQUIRED, IsolationWarning
from tests.sandbox.users import run_as_ordinary_user

SOURCE = Path(__file__).parents[2] / "src"


def children(pid: int) -> set[int]:
    """All that descends from a process, zombies included."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found |= {int(entry.name)} | children(int(entry.name))
    return found


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir() if entry.exists()}


def gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        threading.Event().wait(0.01)
    return False


def test_nothing_starts_before_the_first_run() -> None:
    before = children(os.getpid())
    sandbox = Sandbox()
    assert children(os.getpid()) == before
    sandbox.close()


def test_close_leaves_no_process_and_no_descriptor() -> None:
    open_before = descriptors()
    before = children(os.getpid())
    sandbox = Sandbox(workers=2)
    with ThreadPoolExecutor(2) as pool:
        assert [e.value for e in pool.map(sandbox.run, ["1", "2", "3", "import sympy\nsympy.Integer(4)"])] == [
            1,
            2,
            3,
            4,
        ]
    started = children(os.getpid()) - before
    assert started
    sandbox.close()
    sandbox.close()
    assert gone(started)
    assert descriptors() == open_before
    with pytest.raises(InputError, match="closed"):
        sandbox.run("1")


def test_many_threads_share_the_workers() -> None:
    with Sandbox(workers=2) as sandbox, ThreadPoolExecutor(12) as pool:
        programs = [f"sum(range({n}))" for n in range(60)]
        assert [e.value for e in pool.map(sandbox.run, programs)] == [sum(range(n)) for n in range(60)]


async def test_arun_serves_many_at_once_and_leaves_the_loop_free() -> None:
    async with Sandbox(workers=2, timeout_seconds=2) as sandbox:
        await sandbox.arun("1")
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticker = asyncio.create_task(tick())
        slow = asyncio.create_task(sandbox.arun("n = 0\nwhile n < 4_000_000: n += 1\nn"))
        quick = await asyncio.gather(*(sandbox.arun(f"{n} + 1") for n in range(20)))
        assert [e.value for e in quick] == list(range(1, 21))
        await slow
        ticker.cancel()
        assert ticks > 0


async def test_a_cancelled_arun_frees_its_worker() -> None:
    async with Sandbox(timeout_seconds=60) as sandbox:
        await sandbox.arun("1")
        task = asyncio.create_task(sandbox.arun("while True: pass"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        started = time.monotonic()
        assert (await sandbox.arun("2")).value == 2
        assert time.monotonic() - started < 20


def test_a_killed_zygote_is_replaced() -> None:
    with Sandbox() as sandbox:
        assert sandbox.run("1").value == 1
        worker = sandbox._slots._free[-1].workers[False]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        assert sandbox.run("2").value == 2


def test_a_fork_of_the_host_gets_its_own_zygotes() -> None:
    code = """
        import os
        from reasonkit.sandbox import Sandbox
        sandbox = Sandbox()
        assert sandbox.run("1").value == 1
        pid = os.fork()
        if pid == 0:
            ok = sandbox.run("40 + 2").value == 42
            sandbox.close()
            os._exit(0 if ok else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert sandbox.run("2").value == 2
        sandbox.close()
    """
    run_host(code)


def run_host(code: str, **options: object) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_an_exception_in_the_host_leaves_nothing() -> None:
    said = run_host(
        """
        import os, sys
        from reasonkit.sandbox import Sandbox
        sandbox = Sandbox()
        sandbox.run("1")
        print(sandbox._slots._free[-1].workers[False].pid)
        """
    )
    assert gone({int(said)})


def test_kill_minus_nine_of_the_host_leaves_no_orphan() -> None:
    host = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from reasonkit.sandbox import Sandbox\ns = Sandbox(timeout_seconds=600)\n"  # noqa: ISC004
            "s.run('1')\nprint('up', flush=True)\ns.run('while True: pass')",
        ],
        env={"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
    )
    assert host.stdout is not None
    assert host.stdout.readline() == b"up\n"
    started = children(host.pid)
    assert started
    host.kill()
    host.wait()
    host.stdout.close()
    assert gone(started)


def test_a_host_with_many_open_files_works() -> None:
    run_host(
        """
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(3000, hard), hard))
        files = [open("/dev/null") for _ in range(min(3000, hard) - 60)]
        from reasonkit.sandbox import Sandbox
        with Sandbox() as sandbox:
            assert sandbox.run("1").value == 1
        for file in files:
            file.close()
        """
    )


def test_importing_the_sandbox_starts_and_loads_nothing_heavy() -> None:
    run_host(
        """
        import sys, threading
        import reasonkit.sandbox
        assert threading.active_count() == 1
        assert not {"RestrictedPython", "sympy", "numpy", "httpx", "pydantic"} & set(sys.modules)
        """
    )


def test_the_host_never_imports_what_a_program_imports() -> None:
    run_host(
        """
        import sys
        from reasonkit.sandbox import Sandbox
        with Sandbox() as sandbox:
            assert sandbox.run("import sympy\\nsympy.Rational(1, 3)").value.denominator == 3
        assert "sympy" not in sys.modules
        """
    )


def test_without_fork_each_program_gets_a_process_with_policy_and_limits() -> None:
    with Sandbox(timeout_seconds=1.5) as sandbox:
        sandbox._forks = False
        isolation._warned.clear()
        with pytest.warns(IsolationWarning, match="seccomp"):
            assert sandbox.run("import math\nprint('x')\nmath.sqrt(16)").value == 4.0
        kinds = [
            None if (error := sandbox.run(program).error) is None else error.kind
            for program in (
                "6 * 7",
                "while True: pass",
                "import os",
                "1 / 0",
                "bytearray(10 ** 11)",
                "print('y' * 10 ** 6)",
            )
        ]
        assert kinds == [None, "timeout", "refused", "exception", "memory", "output"]
        assert sandbox.run("1").enforced == ("policy", "rlimits")


def test_this_machine_tells_its_isolation() -> None:
    told = describe_isolation()
    assert told.level in {"full", "required", "reduced"}
    assert "in force: policy" in str(told)


def test_every_execution_says_what_was_in_force() -> None:
    with Sandbox() as sandbox:
        told = sandbox.describe_isolation()
        assert sandbox.run("1").enforced == told.enforced


def test_required_isolation_names_what_is_missing() -> None:
    sandbox = Sandbox(isolation="required")
    sandbox._layers = frozenset({"policy", "rlimits", "seccomp"})
    with pytest.raises(IsolationUnavailable, match="landlock"):
        sandbox.run("1")
    sandbox.close()


def test_a_missing_layer_is_said_once_and_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_warned", set())
    with pytest.warns(IsolationWarning, match="namespaces: no"):
        isolation.warn_once(("namespaces: no",))
    isolation.warn_once(("namespaces: no",))


def test_a_sandbox_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Sandbox() as sandbox, pytest.raises(SandboxUnavailable, match="could not be started"):
        sandbox.run("1")


@pytest.mark.skipif(os.geteuid() != 0, reason="dropping to another user takes root")
def test_an_ordinary_user_has_the_same_walls() -> None:
    said = run_as_ordinary_user(
        """
        from reasonkit.sandbox import Sandbox
        with Sandbox(isolation="required") as sandbox:
            print(sandbox.run("6 * 7").value, *sandbox.run("1").enforced)
        """
    )
    assert said.startswith("42")
    assert all(any(entry.startswith(layer) for entry in said.split()) for layer in REQUIRED)
