"""What the doctor found: for a reader, for a program, and for the client."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from reasonkit.clients.http.facts import EndpointFacts, save_facts

Grade = Literal["good", "handled", "missing", "unknown"]
"""As the protocol says; otherwise, and the client makes up for it; cannot be had here; could not be told."""
_MARKS = {"good": "+", "handled": "~", "missing": "-", "unknown": "?"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one probe."""

    probe: str
    grade: Grade
    found: str
    """What the endpoint does."""
    client: str = ""
    """What the client does about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The results of all probes of one model at one endpoint."""

    base_url: str
    """Without user, password and query."""
    model: str
    models: tuple[str, ...]
    facts: EndpointFacts
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether the endpoint can be asked for completions at all."""
        return self.facts.endpoint is not None

    def lines(self) -> list[str]:
        """Return the report for a reader: a line for each finding, and what the client does below it."""
        server = self.facts.server or "an unknown server"
        lines = [f"{self.base_url}: {server}, model {self.model}"]
        width = max((len(finding.probe) for finding in self.findings), default=0)
        for finding in self.findings:
            lines.append(f"{_MARKS[finding.grade]} {finding.probe:{width}}  {finding.found}")
            if finding.client:
                lines.append(f"  {'':{width}}  the client {finding.client}")
        return lines

    def to_json(self) -> str:
        """Return the report for a program."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def save(self, path: Path | str) -> None:
        """Write the capabilities file that `HTTPClient(..., capabilities=path)` reads."""
        save_facts(self.facts, path)
