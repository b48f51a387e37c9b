"""How a zygote is made ready: namespaces, libraries, limits, rules; all that children then share.

Not here: the loop that forks them (zygote.py), the locks that each child sets itself (child.py).
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import signal
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reasonkit.sandbox.allowed import HEAVY
from reasonkit.sandbox.child import Locks
from reasonkit.sandbox.linux import landlock, namespaces, seccomp, syscalls

_TIME_ZONES = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")


class Launched(Exception):
    """The zygote goes on in the process `pid`; this one only waits for it."""

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.pid = pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What children are made from."""

    locks: Locks
    loaded: tuple[str, ...]
    installed: frozenset[str]
    missing: list[str]


def prepare(settings: dict[str, Any]) -> Prepared:
    """Make this process a zygote.

    Raises:
        Launched: in the process that was left behind by entering namespaces.
        OSError, ImportError, RuntimeError: it cannot be one.
    """
    layers = frozenset(settings["layers"])
    inherited = ["policy"] if "policy" in layers else []
    missing: list[str] = []
    inside = False
    if "namespaces" in layers:
        inside = _enter_namespaces(missing)
    _quiet()
    if settings["time_zone"] is not None:
        os.environ["TZ"] = settings["time_zone"]
    if hasattr(time, "tzset"):
        time.tzset()
    for name in ("OPENBLAS", "OMP", "MKL", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    loaded = _load(settings["modules"], heavy=settings["heavy"])
    _warm(loaded)
    installed = _installed()
    if inside:
        try:
            namespaces.freeze_mounts()
        except OSError as error:
            missing.append(f"namespaces: the mounts stay writable: {error}")
        inherited.append("namespaces")
    if "capabilities" in layers and syscalls.architecture():
        try:
            syscalls.drop_capabilities()
            inherited.append("no-capabilities")
        except OSError as error:
            missing.append(f"capabilities: {error}")
    ruleset, abi = _ruleset(settings, missing) if "landlock" in layers else (-1, 0)
    filter_ = _filter(missing) if "seccomp" in layers else None
    _assert_single_threaded()
    locks = Locks(
        cpu_seconds=math.ceil(settings["timeout_seconds"]) + 1,
        memory_bytes=_address_space() + settings["memory_bytes"],
        rlimits="rlimits" in layers,
        landlock_abi=abi,
        ruleset=ruleset,
        filter=filter_,
        inherited=tuple(inherited),
    )
    return Prepared(locks=locks, loaded=loaded, installed=installed, missing=missing)


def enter_child(keep: set[int]) -> None:
    """Make a fresh fork a child: only the descriptors in `keep` and the standard ones stay open."""
    start = 3
    for descriptor in sorted(keep - {-1}):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, start + 256)
    if sys.platform == "linux" and syscalls.architecture():
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()


def _enter_namespaces(missing: list[str]) -> bool:
    if syscalls.architecture() is None:
        missing.append("namespaces: not on this platform")
        return False
    reason = namespaces.probe()
    if reason is not None:
        missing.append(f"namespaces: {reason}")
        return False
    before = namespaces.identities()
    namespaces.enter()
    pid = os.fork()
    if pid:
        raise Launched(pid)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    after = namespaces.identities()
    shared = sorted(kind for kind in before if kind != "pid" and before[kind] == after.get(kind))
    if shared or os.getpid() != 1:
        raise RuntimeError(f"unshare succeeded and changed nothing: {', '.join(shared) or 'pid'}")
    return True


def _quiet() -> None:
    """Nothing that a library says may reach the host's terminal; a failed start speaks over the channel."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    os.close(null)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the host's terminal sends it to the whole group
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    os.chdir(os.sep)


def _load(modules: list[str], *, heavy: bool) -> tuple[str, ...]:
    """Import what programs may; a package that is not installed is left out."""
    loaded = []
    for name in modules:
        if name.partition(".")[0] in HEAVY and not heavy:
            continue
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
            loaded.append(name)
    # What libraries import on first use only, and could not once the file system is locked.
    hidden = ["_strptime", "collections.abc", "encodings.idna", "encodings.latin_1", "encodings.ascii", "unicodedata", "ast",
              "encodings.utf_16", "encodings.unicode_escape", "encodings.raw_unicode_escape", "locale", "tokenize",
              "linecache", "traceback", "copyreg", "stringprep", "importlib.resources", "zoneinfo._common",
              "json.scanner", "decimal", "_decimal", "random", "resource", "signal", "pprint", "reprlib",
              "contextvars", "_ctypes", "numbers", "cmath", "_zoneinfo", "tzdata", "importlib.metadata"]  # fmt: skip
    if "dateutil" in loaded:
        hidden += ["dateutil.parser", "dateutil.relativedelta", "dateutil.rrule", "dateutil.tz", "dateutil.easter",
                   "dateutil.utils"]  # fmt: skip
    for name in hidden:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    return tuple(loaded)


def _warm(loaded: tuple[str, ...]) -> None:
    """Use what is slow the first time."""
    import datetime as dt
    import decimal
    import json
    import random
    import re

    dt.datetime.strptime("2024-02-29 10:00", "%Y-%m-%d %H:%M").strftime("%A %d %B %Y")  # noqa: DTZ007 - as programs call it
    str(decimal.Decimal(1) / 3)
    json.loads(json.dumps({"a": [1.5, None]}))
    re.sub(r"(\d+)[a-z]*", r"\1", "12ab")
    random.random()
    if "sympy" in loaded:
        sympy: Any = importlib.import_module("sympy")
        x, y = sympy.symbols("x y")
        sympy.solve([x + y - 3, x - y - 1], [x, y])
        sympy.solve(x**2 - 5 * x + 6, x)
        sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
        sympy.integrate(x**2, (x, 0, 1))
        sympy.diff(x**3, x)
        str(sympy.sympify("x**2 + 1/3").subs(x, 2).evalf())
        sympy.factor(x**2 - 1)
        sympy.Matrix([[1, 2], [3, 4]]).det()
        sympy.lambdify(x, x**2)(3)


def _installed() -> frozenset[str]:
    """Return the top-level names that could be imported here."""
    names = set(sys.stdlib_module_names) | set(sys.builtin_module_names)
    for folder in sys.path:
        with contextlib.suppress(OSError):
            names.update(entry.name.partition(".")[0] for entry in os.scandir(folder or "."))
    return frozenset(names)


def _ruleset(settings: dict[str, Any], missing: list[str]) -> tuple[int, int]:
    try:
        abi = landlock.version()
        return landlock.create_ruleset(abi, _readable(settings)), abi
    except OSError as error:
        missing.append(f"landlock: {error}")
        return -1, 0


def _readable(settings: dict[str, Any]) -> list[str]:
    """Return what a child may read: the standard library, the named packages, the time zones."""
    paths = [*settings["readable"], *_TIME_ZONES]
    standard = Path(os.__file__).parent
    left_out = {"site-packages", "dist-packages", "test", "idlelib", "ensurepip", "__pycache__"}
    paths += [entry.path for entry in os.scandir(standard) if entry.name not in left_out]
    return paths


def _filter(missing: list[str]) -> seccomp.Filter | None:
    try:
        return seccomp.build_filter()
    except OSError as error:
        missing.append(str(error))
        return None


def _assert_single_threaded() -> None:
    """Landlock, seccomp and fork bind one thread only: there may be no other."""
    if sys.platform == "linux" and len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("a library has started threads in the zygote")


def _address_space() -> int:
    """Return the bytes of address space that this image takes already."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGESIZE")
