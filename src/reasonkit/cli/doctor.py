"""`reasonkit doctor` and `reasonkit steps score`: what can be trusted, in words or as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from reasonkit.errors import InputError

_SHOWN_MISSES = 10


def examine(address: str, *, model: str | None, save: Path | None, sandbox: bool, as_json: bool) -> int:
    """Probe an endpoint or this machine's sandbox and print the report; 0 if it can be used as it should."""
    if sandbox:
        return _examine_sandbox(as_json=as_json)
    if not address:
        raise InputError("name an endpoint (reasonkit doctor http://localhost:8000/v1), or give --sandbox")
    if save is not None and (save.is_dir() or not save.parent.is_dir()):
        raise InputError(f"--save {str(save)!r}: name a file in a folder that is there")
    from reasonkit.clients import doctor
    from reasonkit.clients.http import key_for
    from reasonkit.errors import ClientError

    try:
        report = doctor.examine(address, model=model, api_key=key_for(address))
    except ClientError as error:
        raise InputError(str(error)) from None
    print(report.to_json() if as_json else "\n".join(report.lines()))
    if save is not None:
        try:
            report.save(save)
        except OSError as error:
            raise InputError(f"{save}: what was found was not saved: {error.strerror}") from None
        print(
            f"saved to {save}; give it to the commands as --capabilities, to a method or an HTTPClient as capabilities=",
            file=sys.stderr,
        )
    return 0 if report.usable else 1


def _examine_sandbox(*, as_json: bool) -> int:
    from reasonkit.sandbox import describe_isolation

    isolation = describe_isolation()
    if as_json:
        print(json.dumps({"level": isolation.level, **asdict(isolation)}))
    else:
        print(isolation)
    return 0 if isolation.level != "reduced" else 1


def scored(file: Path, *, as_json: bool) -> int:
    """Score the parser of steps on a corpus and print the figures by kind; 0 if every case was read right."""
    from reasonkit.steps.scoring import read_cases, score

    result = score(read_cases(file))
    if as_json:
        print(json.dumps(asdict(result), ensure_ascii=False))
        return 0 if result.right == result.cases else 1
    width = max(len(kind.kind) for kind in result.kinds)
    for kind in result.kinds:
        print(f"{kind.kind:{width}}  {kind.right} of {kind.cases}")
    print(f"{'all':{width}}  {result.right} of {result.cases}; the action right in {result.read}")
    for miss in result.misses[:_SHOWN_MISSES]:
        print(f"{miss.case.id}: expected {miss.case.expected}, got {miss.got}", file=sys.stderr)
    return 0 if result.right == result.cases else 1
