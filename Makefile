# make demo and make test do everything from a bare checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_HOME := var/demo
# Programs we start (uv, bentoml, jupyter) are found in the environment, whatever the shell's PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Modules are compiled once and kept, whatever the shell says: anew they take a start 5 to 15 s.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint serve bench lock clean help
.DEFAULT_GOAL := help

help:                     ## say what there is
	@grep -E '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.installed  ## real purchases in, personal e-mails out, in var/demo
	$(BIN)/sendwise --home $(DEMO_HOME) demo

# A process per core, a file to each; threads that wait for work let those of the other process work.
test: $(VENV)/.installed  ## the whole test suite
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest \
	  --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed  ## style, types, layers, dependencies, spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell

serve: $(VENV)/.installed ## the service on the demo workspace
	$(BIN)/sendwise --home $(DEMO_HOME) serve --as-of 2017-12-01

bench: $(VENV)/.installed ## every benchmark; figures belong in docs/benchmarks.md
	$(BIN)/python -m benchmarks

lock: $(VENV)/.installed  ## resolve pyproject.toml anew into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --all-extras --group test --group lint --group build --group bench --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:                    ## remove the environment and the demo workspace
	rm -rf $(VENV) $(DEMO_HOME)
