"""PAL on GSM8K: Gao et al. 2023, arXiv 2211.10435, Table 1: 72.0 solved with Codex; GSM-hard 61.2.

The dataset: test.jsonl of openai/grade-school-math; or, with --kind gsm-hard, a file of the PAL repository (input,
target), GSM-hard among them.
The prompts: pal/prompt/math_prompts.py of the PAL repository. It is read, never run.
"""

import ast
from pathlib import Path

from arguments import drawn, parser, run, told

from reasonkit import PAL, Prompt
from reasonkit.errors import PromptError

NAME, MARK = "MATH_PROMPT", "Q: {question}"
SETTINGS = {"temperature": 0.0, "max_tokens": 512}
QUESTION = "Q: {{ question }}\n\n# solution in Python:\n\n\n"
STOP = ("\n\n\n",)


def prompt(file: Path | None) -> Prompt:
    """Return the worked examples of the original's file: what stands before its place for the question."""
    if file is None:
        return Prompt.load("pal/default")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == NAME:
            for part in ast.walk(node.value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and MARK in part.value:
                    examples = part.value.partition(MARK)[0].lstrip("\n")
                    return Prompt(
                        name=f"{file.name}:{NAME}", instruction="{{ examples }}", variables={"examples": examples},
                        question=QUESTION, stop=STOP,
                    )  # fmt: skip
    raise PromptError(f"{file}: no text {NAME} with a place {MARK!r} in it")


def main() -> None:
    arguments = parser(__doc__, n=None, out="runs/pal_gsm8k")
    arguments.add_argument("--kind", choices=("gsm8k", "gsm-hard"), default="gsm8k", help="the file's form")
    asked = arguments.parse_args()
    agent = PAL(asked.client, model=asked.model, prompt=prompt(asked.prompts), **SETTINGS)
    run(agent, drawn(asked, asked.kind), asked, "pal")


if __name__ == "__main__":
    told(main)
