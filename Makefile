# The commands of this repository; `make help` lists them.
#   PYTHON=...   the Python to make .venv with (default: the newest of 3.13, 3.12, 3.11, python3)
#   SAMPLE=...   the sample project of `make demo`: wine or digits
#   ARGS=...     more arguments for pytest, e.g. ARGS="-k cron"

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test unit check bench shots soak clean

VENV := .venv
BIN := $(VENV)/bin
SAMPLE ?= wine
WORKERS ?= 2
ARGS ?=
export PYTHON

# A stamp for each set of packages: the second time costs nothing, a changed pyproject.toml installs again.
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
# `compat` is a plain path entry: setuptools' import hook would cost every command 20 ms.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat

# An editable install compiles nothing by itself, and a small command would spend a third of its time on it.
COMPILE := $(BIN)/python -m compileall -q skafos_tui

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## run a sample project, in Docker if that can be had, and open the screen on it; in a pipe: what came out
	@scripts/docker-engine || echo "make: no Docker here, so the jobs run as local processes"
	@mkdir -p .demo
	@cd .demo && ../$(BIN)/skafos demo $(SAMPLE)

test: $(INSTALLED_DEV) ## run all tests (Docker is needed; `make unit` runs those that do without)
	@scripts/docker-engine
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

unit: $(INSTALLED_DEV) ## run the tests that need no Docker
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not docker" $(ARGS)

check: $(INSTALLED_DEV) ## check format, lint, types and import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(INSTALLED_DEV) ## measure: each figure beside the floor it can't go under
	@status=0; for script in $(filter-out benchmarks/common%.py,$(sort $(wildcard benchmarks/*.py))); do \
		echo "== $$script"; $(BIN)/python "$$script" || status=1; \
	done; exit $$status

shots: $(INSTALLED_DEV) ## take the pictures in screenshots/ from the real app on real runs
	@scripts/docker-engine
	@$(BIN)/python scripts/shots

soak: $(INSTALLED_DEV) ## the long forms: thousands of runs in one engine, what grows; all random tests with more seeds
	@scripts/docker-engine
	@$(BIN)/python tests/soak/soak.py memory --runs 2000
	@$(BIN)/python tests/soak/soak.py docker --runs 200
	@SKAFOS_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS) \
		tests/faults tests/unit/engine/test_timetable.py tests/unit/config tests/tui/test_random_keys.py

clean: ## remove what `make` made here: .venv, build and caches (.demo stays)
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): pyproject.toml setup.py
	@scripts/make-venv $(VENV)
	@echo "installing skafos into $(VENV)"
	@$(PIP_INSTALL) --editable .
	@$(COMPILE)
	@touch $@

$(INSTALLED_DEV): pyproject.toml setup.py
	@scripts/make-venv $(VENV)
	@echo "installing skafos and its tools for tests and checks into $(VENV)"
	@$(PIP_INSTALL) --editable '.[dev]'
	@$(COMPILE)
	@touch $(INSTALLED) $@
