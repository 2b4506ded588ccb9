# Two commands do all: `make demo` and `make test`. Everything is installed into .venv from constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
MERMAID := tests/assets/mermaid
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt

.PHONY: demo test lint specs bench format constraints wheel clean

demo: .venv/ready
	$(BIN)/nightwork demo

test: .venv/ready $(MERMAID)/node_modules/ready
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nightwork drift --check --no-log

# Write this project's own module specs anew where its code has changed; `make lint` tells when that is due.
specs: .venv/ready
	$(BIN)/nightwork specs --update

# About twelve minutes on an idle machine; bench/README.md says what is measured.
bench: .venv/ready .venv-bench/ready .bench-packages/ready
	$(BIN)/python -m bench

# The peers, with dependencies of their own.
.venv-bench/ready: bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	PIP_CONSTRAINT= .venv-bench/bin/python -m pip install --quiet --requirement bench/requirements.txt
	touch $@

# Published packages to measure on, unpacked and never run.
.bench-packages/ready: bench/packages.txt .venv/ready
	PIP_CONSTRAINT= $(BIN)/python -m bench.packages
	touch $@

format: .venv/ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nightwork needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[python-gates,dev]'
	touch $@

# Mermaid's own parser for the tests of diagrams; they say so when it is missing, and fail for that only in CI.
$(MERMAID)/node_modules/ready: $(MERMAID)/package.json $(MERMAID)/package-lock.json
	npm ci --prefix $(MERMAID) --ignore-scripts --no-audit --no-fund --loglevel error && touch $@ || true

# Resolve anew within the bounds of pyproject.toml and pin everything; run it by hand, then `make test`.
constraints:
	rm -rf .venv-resolve && $(PYTHON) -m venv .venv-resolve
	PIP_CONSTRAINT= .venv-resolve/bin/python -m pip install --quiet '.[python-gates,dev]' hatchling editables
	.venv-resolve/bin/python -m pip freeze --exclude nightwork > constraints.txt
	rm -rf .venv-resolve

wheel: .venv/ready
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:
	rm -rf .venv .venv-bench .bench-packages .venv-resolve dist build $(MERMAID)/node_modules
