"""`reasonkit doctor` and `reasonkit steps score`: what can be trusted, in words or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from reasonkit.errors import InputError


def examine(address: str, *, model: str | None, sandbox: bool, as_json: bool) -> int:
    """Probe an endpoint or this machine's sandbox and print the report; return the exit code."""
    if sandbox:
        from reasonkit.sandbox import describe_isolation

        isolation = describe_isolation()
        if as_json:
            print(json.dumps({"level": isolation.level, "enforced": isolation.enforced, "missing": isolation.missing}))
        else:
            print(isolation)
        return 0 if isolation.level != "reduced" else 1
    if not address:
        raise InputError("name an endpoint (reasonkit doctor http://localhost:8000/v1), or give --sandbox")
    raise InputError(f"{address}: probing endpoints is not built in yet")


def scored(file: Path, *, as_json: bool) -> int:
    """Score the parser of steps on a corpus and print the figures; 0 if every case passed."""
    del as_json
    raise InputError(f"{file}: scoring is not built in yet")
