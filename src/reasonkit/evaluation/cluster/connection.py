"""Ray, as far as an evaluation knows it: a cluster that runs, or one on this machine that ends with the block.

A Ray that is started here keeps to the loopback address, has no dashboard and sends no usage figures.
Not here: what its actors do (`worker.py`), and who gets which item (`crew.py`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, Self

from reasonkit.agents.agent import Agent
from reasonkit.errors import ClusterError, MissingExtra
from reasonkit.evaluation.cluster.worker import Worker

_ALONE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # its name misleads: everywhere, Ray then listens on 127.0.0.1 alone
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What a Ray that is started here finds in the environment, unless it is set already."""

STARTS = 3
"""How often Ray is started here before that is given up: it allows itself 30 seconds, which a busy machine exceeds."""


class Connection:
    """A cluster, as a block.

    Args:
        address: of a cluster; None takes RAY_ADDRESS, or starts one.
        workers: that a new one has room for.

    Raises:
        MissingExtra: Ray is not installed.
        ClusterError: the cluster is not reached.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address, self._workers = address or os.environ.get("RAY_ADDRESS"), workers
        if self._address is None:
            for name, value in _ALONE.items():
                os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError:
            raise MissingExtra("an evaluation on Ray", "ray") from None
        self._ray: Any = ray
        self.died: type[Exception] = ray.exceptions.RayActorError
        """Raised for what a worker was asked when it died."""
        self._ours = False

    def __enter__(self) -> Self:
        if self._ray.is_initialized():  # the caller's own; it stays
            return self
        self._ours = True
        options: dict[str, object] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None:
            options |= {"address": "local", "num_cpus": max(self._workers, os.cpu_count() or 1)}
            options |= {"include_dashboard": False}
        else:
            _reach(self._address)
            options |= {"address": self._address}
        for attempt in range(1, STARTS + 1):
            try:
                self._ray.init(**options)
                break
            except Exception as error:  # noqa: BLE001 - Ray raises plain ones when it cannot start
                self._ray.shutdown()
                if self._address is None and attempt < STARTS:
                    continue
                raise ClusterError(
                    f"no Ray cluster at {self._address or 'this machine'}: {str(error).strip() or type(error).__name__}"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()

    def actor(self, build: Callable[[], Agent], *, threads: int, cpus: float, gpus: float) -> Any:
        """Start a worker, on the node that has most room."""
        made = self._ray.remote(Worker).options(
            max_concurrency=threads, num_cpus=cpus, num_gpus=gpus, scheduling_strategy="SPREAD"
        )
        return made.remote(build)

    def get(self, reference: Any) -> Any:
        """Return what an actor returned."""
        return self._ray.get(reference)

    def done(self, references: list[Any]) -> list[Any]:
        """Return those that are done, waiting half a second for one."""
        ready: list[Any] = self._ray.wait(references, num_returns=1, timeout=0.5)[0]
        return ready

    def kill(self, actor: Any) -> None:
        """End a worker; one that is dead already stays so."""
        self._ray.kill(actor)


def _reach(address: str) -> None:
    """Look whether anything listens at an address; Ray itself would try for minutes.

    Raises:
        ClusterError: nothing does.
    """
    host, sign, port = address.removeprefix("ray://").rpartition(":")
    if not sign or not port.isdecimal():
        return  # `auto`, which Ray knows how to find
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise ClusterError(f"no Ray cluster at {address}: {error.strerror or error}; is it started?") from None
