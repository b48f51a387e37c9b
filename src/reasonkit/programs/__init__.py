"""Reading Python programs out of completions; pure text, nothing is run here."""

from reasonkit.programs.extraction import Form, Program, answer_expression, extract_program
from reasonkit.programs.trees import STDOUT

__all__ = ["STDOUT", "Form", "Program", "answer_expression", "extract_program"]
