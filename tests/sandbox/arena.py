"""Where attacks are run: everything that a hostile program might reach, and how to see that it was reached."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reasonkit.types import Execution


@dataclass(slots=True)
class Arena:
    """A secret, a file, a process, and listeners; `evidence` says what an attack has done to them."""

    folder: Path
    token: str
    listeners: dict[str, socket.socket]
    victim: subprocess.Popen[bytes]

    @property
    def _marker(self) -> Path:
        return self.folder / "marker"

    def arm(self, program: str) -> str:
        """Return the program with its targets filled in."""
        targets = {
            "CANARY": str(self.folder / "canary"),
            "MARKER": str(self._marker),
            "VICTIM": str(self.folder / "victim"),
            "FOLDER": str(self.folder),
            "SOCKET": str(self.folder / "socket"),
            "TOKEN": self.token,
            "HOST": str(self.victim.pid),
            "VICTIMPID": str(self.victim.pid),
            "PORT": str(self.listeners["tcp"].getsockname()[1]),
            "UDP": str(self.listeners["udp"].getsockname()[1]),
            "ABSTRACT": self.token[:16],
            "SHM": f"shm-{self.token[:16]}",
            "NOTHING": "nothing",
        }
        for name, value in targets.items():
            program = program.replace(f"@{name}@", value)
        return program

    def evidence(self, execution: Execution, patience: float | None = None) -> list[str]:
        """Return what shows that an attack got out, and make everything whole again.

        `patience` is how many seconds a killed process may take to be seen dead.
        """
        said = f"{execution.value!r} {execution.stdout}"
        if execution.error is not None and execution.error.kind != "refused":
            said += execution.error.message
        found = ["the secret was read"] if self.token in said else []
        if self._marker.exists() or self._marker.is_symlink():
            found.append("a file was made")
            if self._marker.is_dir() and not self._marker.is_symlink():
                self._marker.rmdir()
            else:
                self._marker.unlink()
        for name, text in (("canary", self.token), ("victim", "whole")):
            path = self.folder / name
            if not path.exists() or path.stat().st_mode & 0o777 != 0o644 or path.read_text() != text:
                found.append(f"the {name} was changed")
                path.write_text(text)
                path.chmod(0o644)
        for path in self.folder.iterdir():
            if path.name not in self._own:
                found.append("a file was left")
                path.unlink()
        for name, listener in self.listeners.items():
            with contextlib.suppress(BlockingIOError):
                if name == "udp":
                    listener.recv(99)
                else:
                    listener.accept()[0].close()
                found.append(f"{name} was reached")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.victim.wait(0.0 if patience is None else patience)
        if self.victim.poll() is not None:
            found.append("a process was killed")
            self.victim = _victim(self.token)
        return found

    @property
    def _own(self) -> set[str]:
        return {"canary", "victim", "socket", f"name-{self.token}"}


def _victim(token: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(3600)"],
        env={"SECRET": token},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@contextlib.contextmanager
def arena() -> Iterator[Arena]:
    """Set an arena up and take it down."""
    token = secrets.token_hex(16)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    listeners: dict[str, socket.socket] = {}
    target = Arena(folder=folder, token=token, listeners=listeners, victim=_victim(token))
    try:
        for name in ("canary", "victim", f"name-{token}"):
            (folder / name).write_text(token if name == "canary" else "whole")
            (folder / name).chmod(0o644)
        for name, family, address in (
            ("tcp", socket.AF_INET, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, str(folder / "socket")),
            ("abstract", socket.AF_UNIX, f"\0{token[:16]}"),
        ):
            listener = socket.socket(family, socket.SOCK_DGRAM if name == "udp" else socket.SOCK_STREAM)
            listeners[name] = listener
            listener.bind(address)
            listener.setblocking(False)
            if name != "udp":
                listener.listen(8)
        yield target
    finally:
        target.victim.kill()
        target.victim.wait()
        for listener in listeners.values():
            listener.close()
        shutil.rmtree(folder)
