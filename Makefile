# Two commands are all a new machine needs: `make run INPUT=…` and `make test`.
PYTHON ?= python3
INPUT ?= sample_data/invoices.xlsx
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.run-ready
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
DEV_READY := $(VENV)/.dev-ready
CLI_PAGE := $(BIN)/typer pipeline.cli utils docs --name ropo-pipeline --title "Command line"

.DEFAULT_GOAL := help
.PHONY: help run check allocate payments test lint docs setup lock clean torture rehearsal bench bench-scale

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=…)"; exit 2; }
	@$(PYTHON) -m venv $(VENV)

# --no-deps and --require-hashes: exactly what the lock names, or nothing.
$(RUN_READY): $(BIN)/python requirements.lock pyproject.toml
	@echo "Building the virtual environment (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(RUN_READY) requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

run: $(RUN_READY)  ## send the invoices of INPUT=file (to the sandbox unless ARGS="--target …")
	@$(BIN)/python -m pipeline run "$(INPUT)" $(ARGS)

check: $(RUN_READY)  ## do all but send
	@$(BIN)/python -m pipeline check "$(INPUT)" $(ARGS)

allocate: $(RUN_READY)  ## allocate the credit notes of INPUT=file to invoices that were sent
	@$(BIN)/python -m pipeline allocate "$(INPUT)" $(ARGS)

payments: $(RUN_READY)  ## register the payments of INPUT=file
	@$(BIN)/python -m pipeline payments "$(INPUT)" $(ARGS)

test: $(DEV_READY)  ## run every test
	@$(BIN)/python -m pytest --numprocesses=auto $(ARGS)

torture: $(DEV_READY)  ## 100,000 random steps, every crash, every short disk: nothing twice, nothing lost
	@TORTURE=1 $(BIN)/python -m pytest --numprocesses=auto --timeout=0 tests/torture tests/cluster $(ARGS)

rehearsal: $(DEV_READY)  ## 10,000 invoices to a sandbox in which a fifth of the requests fail
	@$(BIN)/python tests/torture/rehearsal.py $(ARGS)

bench: $(DEV_READY)  ## measure speed beside other programs (tables in benchmarks/README.md)
	@$(BIN)/python benchmarks/bench.py $(ARGS)

bench-scale: $(DEV_READY)  ## show that memory stays flat and time linear, to 5,000,000 rows
	@$(BIN)/python benchmarks/scale.py $(ARGS)

lint: $(DEV_READY)  ## ruff, mypy, and whether generated pages and translations are up to date
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pipeline.pages.fieldtable --check
	@$(BIN)/python -m pipeline.profile.pages --check
	@$(BIN)/python -m pipeline.pages.messages --check
	@$(CLI_PAGE) | diff -u docs/cli.md - || { echo "docs/cli.md is stale: run make docs"; exit 1; }

docs: $(DEV_READY)  ## write the generated pages, schemas/profile.json and the catalogues of translations anew
	@$(BIN)/python -m pipeline.pages.fieldtable
	@$(BIN)/python -m pipeline.profile.pages
	@$(BIN)/python -m pipeline.pages.messages
	@$(CLI_PAGE) > docs/cli.md

setup: $(DEV_READY)  ## build the virtual environment, tests included

lock:  ## pin and hash every package anew (needs uv on the path)
	@uv pip compile $(LOCK) pyproject.toml .ci/build-requires.in -o requirements.lock
	@uv pip compile $(LOCK) --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## remove the virtual environment and what runs and tests left here
	@rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
