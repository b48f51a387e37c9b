"""Traces: one file that is log, test cassette, resume point and training data. `lines.py` describes the format."""

from reasonkit.trace.events import (
    Began,
    Completing,
    End,
    Event,
    Kept,
    Line,
    Opened,
    Place,
    Rendering,
    Reopened,
    Run,
    Seen,
    Token,
    follows,
    kept,
    written,
)
from reasonkit.trace.file import Recording, Trace
from reasonkit.trace.fold import fold
from reasonkit.trace.forking import Fork, taken_over
from reasonkit.trace.lines import canonical
from reasonkit.trace.schema import schema

__all__ = [
    "Began",
    "Completing",
    "End",
    "Event",
    "Fork",
    "Kept",
    "Line",
    "Opened",
    "Place",
    "Recording",
    "Rendering",
    "Reopened",
    "Run",
    "Seen",
    "Token",
    "Trace",
    "canonical",
    "fold",
    "follows",
    "kept",
    "schema",
    "taken_over",
    "written",
]
