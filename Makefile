# `make run` on a fresh clone: everything it needs goes into .venv, from requirements.lock with hashes; MongoDB itself comes as a wheel.

MAPPING ?= mappings/admissions.yaml
DATA := data/healthcare_dataset.csv
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input install
LOCKED := $(PIP) --require-hashes --only-binary :all: -r
CANDIDATES := python3.13 python3.12 python3.11 python3
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for each in $(CANDIDATES); do "$$each" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo "$$each"; break; }; done)
endif

.PHONY: help run test docs bench soak lock clean python libcurl
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1  -  /p' Makefile

run: libcurl $(BIN)/.installed $(DATA) ## install, make the sample data, and load it into MongoDB (MAPPING=… takes another mapping)
	@$(BIN)/engine run --mapping $(MAPPING)

test: libcurl $(BIN)/.installed-dev ## lint, check the types, and run every test on a real MongoDB
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2

docs: $(BIN)/.installed ## print the reference, the mapping schema, the validator and the privileges anew from the code
	@$(BIN)/python -m engine.mapping.reference
	@$(BIN)/python -m engine.mongo.grants
	@$(BIN)/engine schema --mapping mappings/admissions.yaml

bench: libcurl $(BIN)/.installed-bench ## measure against the floor and other tools, into benchmarks/RESULTS.md (BENCH=… takes its options)
	@$(BIN)/python benchmarks/bench.py $(BENCH)

soak: libcurl $(BIN)/.installed-dev ## kill loaders and servers at random moments for hours, in every mode (SOAK='--rows 100000 --moments 5')
	@PYTHONPATH=tests $(BIN)/python -m soak $(SOAK)

lock: python ## renew requirements.lock and those of dev and bench to the newest versions that pyproject.toml allows
	@$(PYTHON) -m venv --clear .venv/lock && .venv/lock/bin/python -m pip -qq install uv
	@sh -c '$(COMPILE) --upgrade -o requirements.lock'
	@sh -c '$(COMPILE) --upgrade --group dev -c requirements.lock -o requirements-dev.lock'
	@sh -c '$(COMPILE) --upgrade --group bench -c requirements.lock -o benchmarks/requirements.lock'
	@rm -rf .venv/lock

COMPILE := .venv/lock/bin/uv pip compile pyproject.toml --extra embedded --group build --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --quiet --no-cache

clean: ## remove .venv and caches; MongoDB's data in .engine stays
	@[ ! -x $(BIN)/engine ] || $(BIN)/engine db down
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

# --- what the targets stand on ---

python:
	@if [ -z "$(PYTHON)" ]; then \
	    echo "This needs Python 3.11 or newer, and found $$(python3 --version 2>/dev/null || echo none)." \
	         "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { echo "$(PYTHON) is not Python 3.11 or newer, which this needs." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: install the package python3-venv (Debian/Ubuntu: sudo apt-get install python3-venv)." >&2; exit 1; }

# The embedded mongod loads libcurl.so.4; said now rather than after the downloads. A MongoDB of one's own does not need it.
libcurl: python
	@[ "$$(uname -s)" != Linux ] || [ -n "$$MONGODB_URI" ] || $(PYTHON) -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || { \
	    echo "The embedded MongoDB needs the library libcurl.so.4: install the package libcurl4 (Debian/Ubuntu: sudo apt-get install libcurl4;" \
	         "Fedora/RHEL: libcurl), or set MONGODB_URI to a MongoDB of your own." >&2; exit 1; }

$(BIN)/python: | python
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv

# The project is installed in place (editable), so a changed source needs no new installation; its build needs setuptools, which the lock holds.
$(BIN)/.installed: requirements.lock pyproject.toml $(BIN)/python
	@echo "Installing the packages of requirements.lock into .venv"
	@$(LOCKED) requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(BIN)/.installed-dev: requirements-dev.lock $(BIN)/.installed
	@echo "Installing the packages of requirements-dev.lock into .venv"
	@$(LOCKED) requirements-dev.lock
	@touch $@

$(BIN)/.installed-bench: benchmarks/requirements.lock $(BIN)/.installed
	@echo "Installing the packages of benchmarks/requirements.lock into .venv"
	@$(LOCKED) benchmarks/requirements.lock
	@touch $@

$(DATA):
	@echo "Making the sample data $(DATA)"
	@$(BIN)/python data/generate.py
