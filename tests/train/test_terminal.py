"""What a run says while it trains, and what the first and the second Ctrl-C do."""

from __future__ import annotations

import os
import signal

import pytest

from reasonkit.train.journal import Line
from reasonkit.train.terminal import Bar, interrupts


def line(step: int, **changes: float) -> Line:
    return Line(step=step, loss=2.0 / step, lr=0.1, tokens=100 * step, seconds=0.5 * step, **changes)


def test_without_a_terminal_a_line_is_said_now_and_then_and_for_each_measurement(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    with Bar(clock=lambda: now) as bar:
        bar.say("one process on cpu")
        bar.begin(10, 40)
        for step in range(11, 41):
            now += 1.0
            bar.step(line(step, **({"held_out": 0.25} if step == 13 else {})))
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [
        "one process on cpu",
        "step 13 of 40  loss 0.1538  held out 0.2500  200 tokens/s  27 s left",
    ]
    assert [one.split()[1] for one in said[1:]] == ["13", "23", "33", "40"]
    assert said[-1].endswith("0 s left")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop_and_the_second_ends_at_once(
    kind: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(kind)
    with interrupts(quiet=False) as asked:
        assert not asked()
        os.kill(os.getpid(), kind)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), kind)
    assert signal.getsignal(kind) == before
    assert "saving after this step" in capsys.readouterr().err
