"""ReAct on FEVER: Yao et al. 2023, arXiv 2210.03629, Table 1: 60.9 accuracy with PaLM-540B.

The dataset: paper_dev.jsonl of fever.ai. The published notebook draws its claims from the first 7,405 rows.
The prompts: prompts/fever.json of the ReAct repository.
"""

from arguments import drawn, parser, run, told

from reasonkit import Prompt, ReAct

ITEMS, ROWS, KEY = 500, 7405, "webthink_simple3"
SETTINGS = {
    "max_steps": 5,  # as the paper says; the published notebook has 7
    "temperature": 0.0,
    "max_tokens": 100,  # a turn
    "paper_exact": True,  # observations to the byte, their defects included
    "stop_when_stalled": False,
}


def main() -> None:
    arguments = parser(__doc__, n=ITEMS, out="runs/react_fever")
    arguments.add_argument("--pages", default="live", help="live, bundled or zim:PATH (default: live Wikipedia)")
    asked = arguments.parse_args()
    shown = Prompt.from_react_json(asked.prompts, KEY) if asked.prompts else Prompt.load("react/fever")
    agent = ReAct(asked.client, model=asked.model, prompt=shown, pages=asked.pages, **SETTINGS)
    run(agent, drawn(asked, "fever", first=ROWS), asked, "react")


if __name__ == "__main__":
    told(main)
