"""Evaluation and comparison: two methods over the same questions, each figure with its interval, then item by item."""

import tempfile
from pathlib import Path

from reasonkit import CoT, ReAct, evaluate, load_dataset
from reasonkit.evaluation import compare, table

runs = Path(tempfile.mkdtemp())
questions = load_dataset("bundled:one_hop").sample(12, seed=233)

with CoT() as cot, ReAct() as react:
    figures = [
        evaluate(cot, questions, runs / "cot", method="cot"),
        evaluate(
            react, questions, runs / "react", method="react"
        ),  # again after a crash: nothing is lost or asked twice
    ]
print(table(figures))

print("\nThe same, item by item:")
print(*compare(runs / "cot", runs / "react").lines(flips=2), sep="\n")
print(f"\nWith charts, beside the papers: reasonkit report {runs} --out report.html")
