"""ReAct on HotpotQA: Yao et al. 2023, arXiv 2210.03629, Table 1: 27.4 exact match with PaLM-540B.

The dataset: hotpot_dev_v1_simplified.json of the ReAct repository, or HotpotQA's own dev file.
The prompts: prompts/prompts_naive.json of the ReAct repository. Its instruction stands in the notebook, not in that
file: give it as a text with --instruction, else our own stands there.
"""

from dataclasses import replace
from pathlib import Path

from arguments import drawn, parser, run, told

from reasonkit import Prompt, ReAct

ITEMS, KEY = 500, "webthink_simple6"
SETTINGS = {
    "max_steps": 7,
    "temperature": 0.0,
    "max_tokens": 100,  # a turn
    "paper_exact": True,  # observations to the byte, their defects included
    "stop_when_stalled": False,
}


def prompt(file: Path | None, instruction: Path | None) -> Prompt:
    ours = Prompt.load("react/default")
    if file is None:
        return ours
    theirs = Prompt.from_react_json(file, KEY)
    if instruction is None:
        return replace(theirs, instruction=ours.instruction + theirs.instruction)
    head = "{% raw %}" + instruction.read_text(encoding="utf-8") + "{% endraw %}"
    return replace(theirs, instruction=head + theirs.instruction)


def main() -> None:
    arguments = parser(__doc__, n=ITEMS, out="runs/react_hotpotqa")
    arguments.add_argument("--instruction", type=Path, help="a text: what stands before the worked examples")
    arguments.add_argument("--pages", default="live", help="live, bundled or zim:PATH (default: live Wikipedia)")
    asked = arguments.parse_args()
    shown = prompt(asked.prompts, asked.instruction)
    agent = ReAct(asked.client, model=asked.model, prompt=shown, pages=asked.pages, **SETTINGS)
    run(agent, drawn(asked, "hotpotqa"), asked, "react")


if __name__ == "__main__":
    told(main)
