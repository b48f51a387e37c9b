"""The wheel, installed alone into a bare environment far from the checkout: it finds its parts, and it works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reasonkit.version import __version__
from tests.packaging.conftest import ROOT, Environment

pytestmark = pytest.mark.slow
EXTRAS = ("torch", "transformers", "xllamacpp", "aiohttp", "libzim", "pytest", "mkdocs", "numpy")


def test_the_core_is_there_alone_and_nothing_conflicts(core: Environment) -> None:
    assert core.run("python", "-m", "pip", "check").stdout.strip() == "No broken requirements found."
    code = f"import importlib.util as u; print([name for name in {EXTRAS!r} if u.find_spec(name)])"
    assert core.run("python", "-c", code).stdout.strip() == "[]"
    code = "import reasonkit; print(reasonkit.__file__)"
    assert str(ROOT) not in core.run("python", "-c", code).stdout


def test_the_core_says_its_version_and_its_help(core: Environment) -> None:
    assert core.run("reasonkit", "--version").stdout == f"reasonkit {__version__}\n"
    assert "react" in core.run("python", "-m", "reasonkit", "--help").stdout


def test_every_module_of_the_core_imports_without_an_extra(core: Environment) -> None:
    code = (
        "import pkgutil, importlib, reasonkit\n"
        "seen, extras = 0, ('reasonkit.train', 'reasonkit.__main__', 'reasonkit.pytest_plugin', "
        "'reasonkit.clients.http.carriers.fast', 'reasonkit.clients.local.')\n"
        "for found in pkgutil.walk_packages(reasonkit.__path__, 'reasonkit.'):\n"
        "    if not found.name.startswith(extras):\n"
        "        importlib.import_module(found.name); seen += 1\n"
        "print(seen)\n"
    )
    assert int(core.run("python", "-W", "error", "-c", code).stdout) > 150


def test_the_core_finds_prompts_pages_and_datasets_and_runs_programs(core: Environment) -> None:
    code = (
        "from reasonkit import PAL, Prompt, ReAct, ScriptedClient\n"
        "from reasonkit.evaluation import load_dataset\n"
        "print(Prompt.load('react/default').demonstrations != (), len(load_dataset('bundled:one_hop').questions) > 1000)\n"
        "said = ScriptedClient(['\\n    return 20 - 6\\n'])\n"
        "print(PAL(said)('How many?').answer)\n"
        "said = ScriptedClient([' I look.\\nAction 1: Search[Ulm]', ' So.\\nAction 2: Finish[yes]'])\n"
        "print(ReAct(said, prompt='react/default')('Is Ulm a city?').steps[0].observation[:3])\n"
    )
    assert core.run("python", "-c", code).stdout.splitlines() == ["True True", "14", "Ulm"]


def test_the_core_replays_and_names_the_extra_that_the_model_needs(core: Environment) -> None:
    shutil.copy(ROOT / "tests" / "recorded" / "demo-seed-1-1.jsonl", core.elsewhere / "demo.jsonl")
    replayed = core.run("reasonkit", "react", "--replay", "demo.jsonl", "--json")
    assert json.loads(replayed.stdout)["stop_reason"] == "finish"
    refused = core.run("reasonkit", "react", "Who wrote Moby-Dick?", code=2)
    assert "pip install 'reasonkit[gguf]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_completion_is_printed_for_every_shell_and_completes(core: Environment) -> None:
    known = "import os, subprocess, sys\nenv = {**os.environ, '_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION': '1'}\n"
    for shell in ("bash", "zsh", "fish"):  # by name: the shell that this runs under, which is looked up else, may be sh
        script = f"{known}sys.exit(subprocess.call(['reasonkit', '--show-completion', '{shell}'], env=env))"
        assert "reasonkit" in core.run("python", "-c", script).stdout
    env = core.run(
        "python", "-c",
        "import os, subprocess\n"
        "words = {'_REASONKIT_COMPLETE': 'complete_bash', 'COMP_WORDS': 'reasonkit re', 'COMP_CWORD': '1'}\n"
        "print(subprocess.run(['reasonkit'], env={**os.environ, **words}, capture_output=True, text=True).stdout)\n",
    )  # fmt: skip
    assert {"react", "report"} <= set(env.stdout.split())


def test_with_llama_cpp_the_bundled_model_answers_from_another_folder(with_gguf: Environment) -> None:
    assert with_gguf.run("python", "-m", "pip", "check").stdout.strip() == "No broken requirements found."
    ran = with_gguf.run("reasonkit", "react", "What is the capital of Peru?", "--trace", "peru.jsonl", "--json")
    assert json.loads(ran.stdout)["answer"]
    assert with_gguf.run("reasonkit", "react", "--replay", "peru.jsonl", "--json").stdout == ran.stdout
    ran = with_gguf.run("reasonkit", "eval", "bundled:one_hop", "--method", "react", "--n", "3", "--out", "runs")
    assert re.search(r"\| react \| 3 \|", ran.stdout)


def test_pytest_finds_the_plugin_of_the_installed_package(with_gguf: Environment) -> None:
    with_gguf.install("pytest")
    shutil.copy(Path(__file__).with_name("smoke.py"), with_gguf.elsewhere / "test_smoke.py")
    recorded = with_gguf.run("python", "-m", "pytest", "-q", "-W", "error", "--reasonkit-trace=record")
    assert re.search(r"\b4 passed", recorded.stdout)
    replayed = with_gguf.run("python", "-m", "pytest", "-q", "-W", "error")
    assert re.search(r"\b4 passed", replayed.stdout)


def test_a_user_of_the_installed_wheel_is_type_checked_strictly(core: Environment) -> None:
    pytest.importorskip("mypy")
    shutil.copy(ROOT / "tests" / "house" / "api.py", core.elsewhere / "api.py")
    words = ["--strict", "--no-incremental", "--python-executable", str(core.python), "--config-file", "", "api.py"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", *words], cwd=core.elsewhere, capture_output=True, text=True, timeout=300
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
