"""`make demo`: one ReAct, one PAL and one CoT run on held-out inputs drawn by a seed, right or wrong; offline."""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from reasonkit import PAL, CoT, Question, ReAct, Result
from reasonkit.agents.events import (
    ActionEvent,
    AnswerEvent,
    ObservationEvent,
    ProgramEvent,
    ThoughtEvent,
    TokenEvent,
)
from reasonkit.answers import exact_match
from reasonkit.bundled import model_path, questions_path
from reasonkit.train.recipes.tiny.problems import problem

MEASURED = {
    "ReAct": ("bundled encyclopedia, one", "bundled encyclopedia, two"),
    "PAL": ("PAL, known",),
    "CoT": ("CoT",),
}


def drawn(seed: int) -> dict[str, Question]:
    """Draw a question for each method: about the bundled pages, and two word problems with names never trained on."""
    dice = random.Random(seed)
    rows = [json.loads(line) for kind in ("one_hop", "two_hop") for line in questions_path(kind).open(encoding="utf-8")]
    row = dice.choice(rows)
    large, small = problem(dice, measured=True), problem(dice, measured=True, small=True, steps=3)
    return {
        "ReAct": Question(text=row["question"], gold=(row["answer"], *row["also"])),
        "PAL": Question(text=large.question, gold=(str(large.answer),)),
        "CoT": Question(text=small.question, gold=(str(small.answer),)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1000))
    parser.add_argument("--folder", type=Path, help="where the runs are recorded; a fresh temporary folder if left out")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="reasonkit-demo-"))
    print(f"drawn with seed {options.seed} (again: .venv/bin/python examples/demo.py --seed {options.seed})")
    card = model_path().with_name("MODEL_CARD.md").read_text(encoding="utf-8").splitlines()
    for method, question in drawn(options.seed).items():
        trace = folder / f"{method.lower()}.jsonl"
        print(f"\n{method}: {question.text}")
        show(method, question, trace)
        for row in card:
            if row.startswith(tuple(f"| {task}" for task in MEASURED[method])) and "(`" in row:
                task, right, n, interval, *_ = (cell.strip() for cell in row.strip("|").split("|"))
                print(f"  measured, {task.split(' (`')[0]}: {right} of {n} ({interval})")
    print(f"\nThe runs are recorded in {folder}; each replays without the model:")
    print(f"  .venv/bin/reasonkit react --replay {folder / 'react.jsonl'}")


def show(method: str, question: Question, trace: Path) -> None:
    """Run a method on a question and print what happens as it happens."""
    words: list[str] = []
    with {"ReAct": ReAct, "PAL": PAL, "CoT": CoT}[method]() as agent:
        for event in agent.stream(question, trace=trace):
            match event:
                case TokenEvent(text=text):
                    words.append(text)
                case ThoughtEvent(text=text):
                    print(f"  Thought: {text}")
                case ActionEvent(action=action):
                    print(f"  Action: {action.tool}[{action.argument}]")
                case ObservationEvent(text=text):
                    print(f"  Observation: {text}")
                case ProgramEvent(program=program):
                    print("\n".join(f"  {line}" for line in program.splitlines()))
                case AnswerEvent(result=result):
                    if method == "CoT":
                        print(f"  {''.join(words).strip()}")
                    judge(result, question)
            sys.stdout.flush()


def judge(result: Result, question: Question) -> None:
    """Print the answer and whether it is right."""
    right = any(exact_match(result.answer, gold) for gold in question.gold)
    print(f"  Answer: {result.answer} ({'right' if right else f'wrong: it is {question.gold[0]}'})")


if __name__ == "__main__":
    main()
