"""Reading the steps that models write, and scoring a parser on a corpus of them.

Not here: what happens when a step cannot be read (the strategies' affair), and answers in free text (`answers`).
"""

from reasonkit.steps.reading import parse_action, parse_step

__all__ = ["parse_action", "parse_step"]
