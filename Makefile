# Two commands do all the set-up: `make demo` and `make test`. Nothing is installed outside .venv.

PYTHON ?= python3
PYTHONS ?= python3.12 python3.13
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
CHECKED := src tests examples

.PHONY: demo test test-all test-pythons check bench bench-peers docs docs-update model model-further model-eval pages clean

demo: .venv/.demo  ## one ReAct, one PAL and one CoT run, offline: thoughts, searches, a program, answers
	@$(BIN)/python examples/demo.py

test: .venv/.test  ## the tests; at or under 15 minutes on 2 cores, without torch
	@$(BIN)/python -m pytest

test-all: .venv/.test-all  ## all tests, the slow ones and those of every extra included
	@$(BIN)/python -m pytest -m "slow or not slow"

test-pythons:  ## the tests on other Pythons, where these are installed; without torch
	@for python in $(PYTHONS); do \
	  $$python -c '' 2>/dev/null || { echo "$$python is not there, or does not start: left out"; continue; }; \
	  home=.venv/pythons/$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	  test -x $$home/bin/python || $$python -m venv $$home || exit 1; \
	  $$home/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	    --editable '.[gguf,dev]' || exit 1; \
	  echo "== $$($$home/bin/python --version)"; \
	  $$home/bin/python -m pytest -q -p no:cacheprovider || exit 1; \
	done

check: .venv/.test  ## format, lint, types, floors
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/house

bench-peers: .venv/.test-all  ## the same episode in other libraries, in throw-away environments; one table
	@$(BIN)/python -m tests.benchmarks.peers

docs: .venv/.docs  ## the documentation into site/; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

docs-update: .venv/.test-all  ## after the model or a message has changed: play the pages, write what they print
	@$(BIN)/python -m tests.docs --update

bench: .venv/.test-all  ## figures against their floors; at the end every goal in one table; never an assertion
	@$(BIN)/python -m tests.benchmarks

model: .venv/.test-all  ## train the bundled model again from nothing; the same command goes on after a stop
	@$(BIN)/reasonkit train src/reasonkit/train/recipes/tiny/config.toml
	@$(BIN)/python -m reasonkit.train.recipes.tiny export --source .model/run --target src/reasonkit/bundled/model

model-further: .venv/.test-all  ## train the bundled model further, from its weights; the same command goes on
	@$(BIN)/reasonkit train src/reasonkit/train/recipes/tiny/further.toml
	@$(BIN)/python -m reasonkit.train.recipes.tiny export --source .model/further --target src/reasonkit/bundled/model

model-eval: .venv/.test-all  ## the figures on the model's card
	@$(BIN)/python -m reasonkit.train.recipes.tiny evaluate --model src/reasonkit/bundled/model --bundled

pages: .venv/.test  ## build the bundled encyclopedia and its questions from their text
	@$(BIN)/python -m reasonkit.bundled.build_pages
	@$(BIN)/python -m reasonkit.bundled.build_questions

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "reasonkit needs Python 3.11 or newer; make PYTHON=/path/to/python3.11 ...")'
	@$(PYTHON) -m venv .venv

.venv/.demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "installing reasonkit and llama.cpp into .venv (about 40 MB, once)" >&2
	@$(PIP) --editable '.[gguf]'
	@touch $@

.venv/.test: .venv/.demo
	@echo "installing the test tools into .venv (once)" >&2
	@$(PIP) --editable '.[gguf,dev]'
	@touch $@

# torch comes first and alone: asked for by another package it may bring gigabytes of CUDA libraries.
.venv/.test-all: .venv/.test
	@echo "installing torch, transformers and the servers that the tests talk to (once)" >&2
	@$(PIP) torch==2.13.0
	@$(PIP) --editable '.[gguf,local,grammar,zim,fast,train,ray,parquet,statistics,dev,docs,servers]'
	@touch $@

.venv/.docs: .venv/.test
	@echo "installing mkdocs-material and mkdocstrings into .venv (once)" >&2
	@$(PIP) --editable '.[gguf,dev,docs]'
	@touch $@

clean:  ## remove the environment and what tools left behind
	@rm -rf .venv build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
