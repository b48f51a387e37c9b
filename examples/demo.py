"""`make demo`: ReAct on three bundled questions, drawn by a seed, right or wrong; offline, with the bundled model."""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

from reasonkit import Question, ReAct
from reasonkit.agents.events import ActionEvent, AnswerEvent, ObservationEvent, ThoughtEvent
from reasonkit.answers import exact_match
from reasonkit.bundled import model_path, questions_path


def drawn(seed: int, count: int) -> list[Question]:
    rows = [json.loads(line) for kind in ("one_hop", "two_hop") for line in questions_path(kind).open(encoding="utf-8")]
    return [
        Question(text=row["question"], id=row["id"], gold=(row["answer"], *row["also"]))
        for row in random.Random(seed).sample(rows, count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1000))
    seed = parser.parse_args().seed
    trace = Path(tempfile.mkdtemp(prefix="reasonkit-demo-")) / "demo.jsonl"
    print(f"three questions drawn with seed {seed} (again: .venv/bin/python examples/demo.py --seed {seed})")
    with ReAct() as agent:
        for number, question in enumerate(drawn(seed, 3), 1):
            print(f"\nQuestion {number}: {question.text}")
            show(agent, question, trace.with_stem(f"demo-{number}"))
    print("\nHow often this tiny model is right, from its card (measured on such questions, with 95 % intervals):")
    card = model_path().with_name("MODEL_CARD.md").read_text(encoding="utf-8")
    for row in card.splitlines():
        if row.startswith("| bundled encyclopedia"):
            task, right, n, interval = (cell.strip() for cell in row.strip("|").split("|"))
            print(f"  {task}: {right} of {n}, {interval}")
    print(f"\nThe runs are recorded in {trace.parent}; each replays without the model:")
    print(f"  .venv/bin/reasonkit react --replay {trace.with_stem('demo-1')}")


def show(agent: ReAct, question: Question, trace: Path) -> None:
    for event in agent.stream(question, trace=trace):
        match event:
            case ThoughtEvent(text=text):
                print(f"  Thought: {text}")
            case ActionEvent(action=action):
                print(f"  Action: {action.tool}[{action.argument}]")
            case ObservationEvent(text=text):
                print(f"  Observation: {text}")
            case AnswerEvent(result=result):
                right = any(exact_match(result.answer, gold) for gold in question.gold)
                verdict = "right" if right else f"wrong: it is {question.gold[0]}"
                print(f"  Answer: {result.answer} ({verdict})")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
