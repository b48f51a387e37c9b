"""Self-consistency over chains of thought on GSM8K: Wang et al. 2023, arXiv 2203.11171, Table 2: 74.4 with PaLM-540B.

One greedy chain of thought scored 56.5 there. The run has maj@k for every k up to 40, so one run draws the whole curve.
The dataset: test.jsonl of openai/grade-school-math.
The prompts: a text of the eight worked examples of Wei et al. 2022, arXiv 2201.11903 (Q: ... A: ... The answer is N.).
"""

from arguments import drawn, parser, run, told

from reasonkit import CoT, Prompt, SelfConsistency

SAMPLES = 40
SETTINGS = {"temperature": 0.7, "max_tokens": 256}


def main() -> None:
    asked = parser(__doc__, n=None, out="runs/cot_sc_gsm8k").parse_args()
    shown = Prompt.from_exemplars(asked.prompts) if asked.prompts else Prompt.load("cot/default")
    one = CoT(asked.client, model=asked.model, prompt=shown, answer_type="number", **SETTINGS)
    vote = SelfConsistency(one, n=SAMPLES, early_stop=False, own=True)
    run(vote, drawn(asked, "gsm8k"), asked, "cot-sc")


if __name__ == "__main__":
    told(main)
