"""The recipes of `examples/reproduce/`: one command each, on tiny files in the public forms, against a loopback server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reasonkit.evaluation import read_settings
from reasonkit.evaluation.published import published
from reasonkit.trace import Trace
from tests.evaluation.answering import answering

RECIPES = Path(__file__).parents[2] / "examples" / "reproduce"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}


def recipe(name: str, *said: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(RECIPES / f"{name}.py"), *map(str, said)]
    return subprocess.run(words, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, cwd=cwd)


def turns(prompt: str) -> str:
    """Search Mercury, then finish."""
    number = int(prompt.rstrip().rpartition(" ")[2].rstrip(":"))
    said = {1: " I search.\nAction 1: Search[Mercury]", 2: " It is.\nAction 2: Finish[a planet]"}
    if "Claim:" in prompt:
        said[2] = " It is.\nAction 2: Finish[SUPPORTS]"
    return said[number]


def test_react_on_hotpotqa(tmp_path: Path) -> None:
    data, prompts, head = tmp_path / "hotpot.json", tmp_path / "prompts_naive.json", tmp_path / "head.txt"
    rows = [{"question": f"What is Mercury ({n})?", "answer": "planet", "type": "bridge"} for n in range(4)]
    data.write_text(json.dumps(rows))
    shown = "Question: Which?\nThought 1: So.\nAction 1: Finish[that]\n\n"
    prompts.write_text(json.dumps({"webthink_simple6": shown}))
    head.write_text("Do it {{ like }} this.\n")
    with answering(turns) as server:
        ran = recipe(
            "react_hotpotqa", data, "--client", server.url, "--model", "fake", "--prompts", prompts,
            "--instruction", head, "--pages", "bundled", "--n", 3, cwd=tmp_path,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "| react | 3 | 100.0% [43.9%, 100.0%] |" in ran.stdout
        assert "27.4%, n not said | PaLM-540B, arXiv 2210.03629, Table 1 |" in ran.stdout
        first = next(body for body in server.bodies if body["prompt"].endswith("Thought 1:") and "(" in body["prompt"])
        assert re.fullmatch(
            re.escape(f"Do it {{{{ like }}}} this.\n{shown}") + r"Question: What is Mercury \(\d\)\?\nThought 1:",
            first["prompt"],
        )
        assert (first["temperature"], first["max_tokens"], first["stop"]) == (0, 100, ["\nObservation 1:"])
    settings = read_settings(tmp_path / "runs" / "react_hotpotqa")
    assert (settings.n, settings.seed, settings.metric) == (3, 233, "exact")
    with Trace(tmp_path / "runs" / "react_hotpotqa" / "trace.jsonl", append=False) as trace:
        assert trace.run is not None
        assert (trace.run.options["max_steps"], trace.run.options["stop_when_stalled"]) == (7, False)


def test_react_on_fever_draws_from_the_rows_of_the_published_notebook(tmp_path: Path) -> None:
    data, prompts = tmp_path / "paper_dev.jsonl", tmp_path / "fever.json"
    rows = [{"id": n, "label": "SUPPORTS", "claim": f"Mercury is a planet, {n}."} for n in range(7410)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts.write_text(json.dumps({"webthink_simple3": "Decide.\n\nClaim: It is.\nThought 1: So.\n\n"}))
    with answering(turns) as server:
        ran = recipe(
            "react_fever", data, "--client", server.url, "--model", "fake", "--prompts", prompts, "--pages", "bundled",
            "--n", 2, cwd=tmp_path,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "| react | 2 | 100.0% [34.2%, 100.0%] |" in ran.stdout
        assert "60.9%, n not said" in ran.stdout
        asked = {found[1] for prompt in server.prompts if (found := re.search(r"Claim: Mercury.*, (\d+)\.\n", prompt))}
    assert asked == {"3687", "6238"}, "the notebook's first two claims"
    with Trace(tmp_path / "runs" / "react_fever" / "trace.jsonl", append=False) as trace:
        assert trace.run is not None
        assert trace.run.options["max_steps"] == 5


THEIR_PROMPT = """
raise SystemExit("this file is read, never run")
OTHER = "no"
MATH_PROMPT = '''
Q: How many are two?

# solution in Python:


def solution():
    return 2





Q: {question}

# solution in Python:
'''.strip() + '\\n\\n\\n'
"""


def test_pal_on_gsm8k(tmp_path: Path) -> None:
    data, prompts = tmp_path / "test.jsonl", tmp_path / "math_prompts.py"
    rows = [{"question": f"How many are {n} and 1?", "answer": f"So.\n#### {n + 1}"} for n in range(3)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts.write_text(THEIR_PROMPT)

    def writes(prompt: str) -> str:
        number = re.findall(r"How many are (\d) and", prompt)[-1]
        return f'def solution():\n    """How many?"""\n    first = {number}\n    return first + 1\n\n\n\nQ: And?'

    with answering(writes) as server:
        ran = recipe(
            "pal_gsm8k", data, "--client", server.url, "--model", "fake", "--prompts", prompts, cwd=tmp_path
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "| pal | 3 | 100.0% [43.9%, 100.0%] |" in ran.stdout
        assert "72.0% [69.5%, 74.4%] n=1319" in ran.stdout
        body = next(body for body in server.bodies if "How many are 0 and 1?" in body["prompt"])
        assert body["prompt"] == (
            "Q: How many are two?\n\n# solution in Python:\n\n\ndef solution():\n    return 2\n\n\n\n\n\n"
            "Q: How many are 0 and 1?\n\n# solution in Python:\n\n\n"
        )
        assert (body["temperature"], body["max_tokens"], body["stop"]) == (0, 512, ["\n\n\n"])
    missing = recipe("pal_gsm8k", data, "--client", "http://127.0.0.1:9/v1", "--prompts", __file__, cwd=tmp_path)
    assert missing.returncode == 1
    assert "no text MATH_PROMPT with a place" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_self_consistency_on_gsm8k_draws_forty_samples_and_the_whole_curve(tmp_path: Path) -> None:
    data, prompts = tmp_path / "test.jsonl", tmp_path / "eight.txt"
    rows = [{"question": f"How many are {n} and 1?", "answer": f"So.\n#### {n + 1}"} for n in range(2)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts.write_text("Q: How many are two?\nA: Two are 2. The answer is 2.\n\n")

    def counts(prompt: str) -> str:
        number = int(re.findall(r"How many are (\d) and", prompt)[-1])
        return f" {number} and 1 are {number + 1}. The answer is {number + 1}."

    with answering(counts) as server:
        ran = recipe(
            "cot_sc_gsm8k", data, "--client", server.url, "--model", "fake", "--prompts", prompts, cwd=tmp_path
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (0, "")
        assert "| cot-sc | 2 | 100.0% [34.2%, 100.0%] |" in ran.stdout
        assert "| 40 | 100.0% [34.2%, 100.0%] |" in ran.stdout
        assert "74.4% [72.0%, 76.7%] n=1319" in ran.stdout
        drawn = [body for body in server.bodies if "How many are 0" in body["prompt"]]
        assert sum(body.get("n") or 1 for body in drawn) == 40
        assert drawn[0]["prompt"].startswith(
            "Q: How many are two?\nA: Two are 2. The answer is 2.\n\nQ: How many are 0"
        )
        assert drawn[0]["temperature"] == 0.7


@pytest.mark.parametrize("name", ["react_hotpotqa", "react_fever", "pal_gsm8k", "cot_sc_gsm8k"])
def test_a_recipe_and_its_readme_name_the_paper_s_figure(name: str) -> None:
    head = (RECIPES / f"{name}.py").read_text(encoding="utf-8").partition('"""\n\n')[0]
    readme = (RECIPES / "README.md").read_text(encoding="utf-8")
    arxiv = re.search(r"arXiv (\d{4}\.\d{5})", head)
    figure = re.search(r"(?:: |\b)(\d\d\.\d) ", head)
    assert arxiv is not None
    assert figure is not None
    known = [float(share) for table in published() if table.arxiv == arxiv[1] for share in table.figures.values()]
    assert float(figure[1]) in known
    assert f"{name}.py" in readme
    assert figure[1] in readme
    assert arxiv[1] in readme


def test_without_a_server_a_recipe_says_so_without_a_traceback(tmp_path: Path) -> None:
    data = tmp_path / "test.jsonl"
    data.write_text(json.dumps({"question": "How many?", "answer": "#### 7"}) + "\n")
    ran = recipe("cot_sc_gsm8k", data, "--client", "http://127.0.0.1:9/v1", "--model", "fake", cwd=tmp_path)
    assert ran.returncode == 1
    assert "1 of 1 items failed, the first with ConnectionFailed: http://127.0.0.1:9/v1 was not reached" in ran.stderr
    assert "Traceback" not in ran.stderr
    missing = recipe("cot_sc_gsm8k", tmp_path / "no.jsonl", "--client", "http://127.0.0.1:9/v1", cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no.jsonl: cannot be read" in missing.stderr.splitlines()[-1]
