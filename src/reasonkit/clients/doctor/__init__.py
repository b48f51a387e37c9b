"""What an OpenAI-compatible endpoint can be trusted with, found by asking it.

`examine(url)` asks a dozen small questions and returns a Report: findings for a reader, and facts that the HTTP client
reads (`HTTPClient(..., capabilities=PATH)`). Not here: printing, which is the command line's.
"""

from reasonkit.clients.doctor.examination import examine
from reasonkit.clients.doctor.report import Finding, Report

__all__ = ["Finding", "Report", "examine"]
