# make demo    environment, install, sample data set, COCO -> DatumaroBinary -> VOC -> COCO
# make test    lint, types, all tests
# make bench   side by side with the published package (minutes; ARGS="--scale 0.1" for less)
# make fuzz    damaged .datum files (ARGS="--n 100000" for the long run)
# All work in ./.venv, which is made when missing; PYTHON=... chooses the interpreter for it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint style types pytest published bench fuzz wheel-check clean

VENV := .venv
BIN := $(VENV)/bin
KERNELS := $(wildcard src/datumaro/kernels/*.pyx src/datumaro/kernels/*.pxd)
ARGS ?=

# The first interpreter that runs, is new enough, can make environments and compile extensions.
SUITS = import os, sys, sysconfig, venv, ensurepip; \
	sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c '$(SUITS)' 2>/dev/null; then command -v $$python; break; fi; done)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "needs Python 3.11 or newer, with venv and its C headers" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "needs a C compiler (cc)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/pyvenv.cfg pyproject.toml setup.py $(KERNELS)
	$(BIN)/python -m pip install -q -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install -q --group dev
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/python examples/demo.py demo

lint: style types

style: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.dev
	$(BIN)/pyright --pythonpath $(BIN)/python

test: lint
	@$(MAKE) --no-print-directory pytest

# What is imported is compiled to bytecode once, not by each of the many programs that tests start.
pytest: export PYTHONDONTWRITEBYTECODE =
pytest: $(VENV)/.dev
	$(BIN)/python -m compileall -q -j 0 src
	$(BIN)/python -m pytest -n auto $(ARGS)

published: $(VENV)/pyvenv.cfg
	$(BIN)/python tests/interop/published.py

bench: $(VENV)/.installed
	$(BIN)/python bench/run.py $(ARGS)

fuzz: $(VENV)/.installed
	$(BIN)/python bench/fuzz_datum.py $(ARGS)

wheel-check: $(VENV)/.installed
	$(BIN)/python tests/wheel_check.py $(ARGS)

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	find src -name '*.so' -delete -o -name '*.c' -delete
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
