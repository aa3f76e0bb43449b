# Everything a person runs here; `make help` lists it. Needs git, make and Python 3.11 or newer.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
DATA ?= ./demo-data
STORE ?= directory
FOOTAGE ?=
PORT ?= 0
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types bench kill-long screenshots lock

help:  ## list what can be run
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.ready  ## build .venv and install dock-agent, ingest-server and custody into .venv/bin

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "missing: Python 3.11 or newer (python3 was not found or is older)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "missing: the venv module of $(PYTHON) (Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2>$(VENV)/install.log \
		|| { cat $(VENV)/install.log >&2; exit 1; }
	@touch $@

demo: setup  ## dock made recorders, seal, link, export and verify; DATA=DIR FOOTAGE=DIR STORE=minio
	@if [ "$(STORE)" = minio ]; then ./tools/build_minio.sh; fi
	@$(BIN)/ingest-server demo --data "$(DATA)" --store "$(STORE)" --port "$(PORT)" $(if $(FOOTAGE),--footage "$(FOOTAGE)")

test: setup  ## all tests; what needs MinIO or mounts skips where it is missing and says how to get it
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup  ## ruff and the import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: setup  ## mypy, strict
	@$(BIN)/mypy

bench: setup  ## the benchmarks; results as ratios to peers of the same run
	@$(BIN)/python -m benchmarks.ledger
	@$(BIN)/python -m benchmarks.dock_path
	@$(BIN)/python -m benchmarks.docking
	@$(BIN)/python -m benchmarks.web

kill-long: setup  ## the long form of the random-kill run
	@EVIDOCK_KILLS=1000 $(BIN)/python -m pytest tests/faults -k random_kill -s

screenshots: setup  ## renew the pictures of docs/walkthrough by playing the journeys (needs Chromium)
	@EVIDOCK_SCREENSHOTS=docs/walkthrough/pictures $(BIN)/python -m pytest tests/e2e/test_journeys.py

lock:  ## renew requirements.lock from pyproject.toml
	@$(BIN)/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--strip-extras --allow-unsafe --extra dev --output-file requirements.lock pyproject.toml
