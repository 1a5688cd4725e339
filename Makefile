# Termbook. Two commands: `make run` and `make test`; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
# Many processes are started, by the tests above all: each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TYPES := $(BIN)/mypy && $(BIN)/termbook diagram --check README.md
TEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: help setup run demo test check quick types bench crash steps edits lock clean
help:
	@echo "make setup   prepare $(VENV) with $(BIN)/termbook, and the system libraries where it may"
	@echo "make demo    play the main job in the terminal and exit"
	@echo "make run     serve the sample centre: API, documentation, worker, sandbox payments"
	@echo "make test    everything that is checked before a change lands"
	@echo "make check   format, lint, types, layers: seconds"
	@echo "make bench   the engine against its floor, as ratios"
	@echo "make steps   20,000 random steps over every order type, and the proof that no promise breaks"
	@echo "make edits   200,000 random edits of priced bookings, in which every figure agrees to the cent"
	@echo "make crash   kill -9 of everything under load for two minutes, and the proof that nothing is lost"

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.txt scripts/system_libraries.sh scripts/install.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Termbook needs Python 3.11 or newer; name one with PYTHON=…"; exit 1; }
	@echo "Setting up: system libraries, then $(VENV) (a few minutes the first time)"
	@bash scripts/system_libraries.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python scripts/install.py requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: setup
	@exec $(BIN)/termbook run

demo: setup
	@exec $(BIN)/termbook demo

check: quick types

quick: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: setup
	$(TYPES)

# Types take twenty seconds, of one core only: they are looked at beside the tests, and what is wrong with them is said
# last, where it is seen. Either that fails fails the whole.
test: quick
	@said=$$(mktemp) && { { $(TYPES); } >"$$said" 2>&1 & }; types=$$!; \
	echo '$(TEST)'; $(TEST); tests=$$?; \
	wait $$types; types=$$?; echo '$(TYPES)'; cat "$$said"; rm "$$said"; exit $$((tests || types))

bench: setup
	@exec $(BIN)/python -m bench

crash: setup
	@exec $(BIN)/python -m bench.crash

# Another way each time: the seed is printed, and TERMBOOK_SEED walks the same way again.
steps: setup
	@TERMBOOK_SEED=$${TERMBOOK_SEED:-random} TERMBOOK_STEPS=$${TERMBOOK_STEPS:-20000} $(BIN)/python -m pytest --timeout=0 tests/workflows/test_random_steps.py

# Stops at the first disagreement; --seed makes the same edits again.
edits: setup
	@exec $(BIN)/python -m bench.edits

# Renew the pinned, hashed requirements from pyproject.toml; no index address is written.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev --output-file requirements.txt pyproject.toml requirements-build.in

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
