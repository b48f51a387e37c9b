"""Reading the steps that models write, and scoring a parser on a corpus of them.

Not here: what happens when a step cannot be read (the strategies' affair), and answers in free text (`answers`).
"""

from reasonkit.steps.reading import TOOLS, parse_action, parse_step
from reasonkit.steps.scoring import Case, KindScore, Miss, StepScore, read_cases, score

__all__ = [
    "TOOLS",
    "Case",
    "KindScore",
    "Miss",
    "StepScore",
    "parse_action",
    "parse_step",
    "read_cases",
    "score",
]
