"""Every value that crosses rooms: frozen, compared by content, without behaviour worth the name.

What a strategy yields (effects), what it is sent (outcomes), what the runner asks of a client (Request) and gets
(Reply), and what the caller receives (Result). Not here: anything that knows a file, a server or a clock.
"""

from reasonkit.types.effects import (
    Act,
    Asked,
    BudgetLimit,
    Complete,
    Effect,
    Exchange,
    Execute,
    Flow,
    Gather,
    Gathered,
    Note,
    Observation,
    Opening,
    Outcome,
    Recorded,
    Refused,
    Transcript,
)
from reasonkit.types.models import (
    AdapterManifest,
    Capabilities,
    Completion,
    Delta,
    Message,
    Reply,
    Request,
    Sampling,
    TokenLogprob,
    Usage,
)
from reasonkit.types.pages import Missing, Page
from reasonkit.types.programs import Execution, ProgramError
from reasonkit.types.results import Answer, Failure, Question, Result, Sample, StopReason, Vote
from reasonkit.types.steps import Action, Malformed, MalformedKind, ParsedStep, Recovery, Step

__all__ = [
    "Act",
    "Action",
    "AdapterManifest",
    "Answer",
    "Asked",
    "BudgetLimit",
    "Capabilities",
    "Complete",
    "Completion",
    "Delta",
    "Effect",
    "Exchange",
    "Execute",
    "Execution",
    "Failure",
    "Flow",
    "Gather",
    "Gathered",
    "Malformed",
    "MalformedKind",
    "Message",
    "Missing",
    "Note",
    "Observation",
    "Opening",
    "Outcome",
    "Page",
    "ParsedStep",
    "ProgramError",
    "Question",
    "Recorded",
    "Recovery",
    "Refused",
    "Reply",
    "Request",
    "Result",
    "Sample",
    "Sampling",
    "Step",
    "StopReason",
    "TokenLogprob",
    "Transcript",
    "Usage",
    "Vote",
]
