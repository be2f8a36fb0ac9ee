# make demo   raw skeleton files to a measured result, in about three minutes
# make test   lint, types and tests
# make bench  how fast it is beside the authors' code: make bench ARGS="--mamp ../MAMP --actclr ../ActCLR"

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint test-fast test-slow bench docs clean

.venv: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' || { rm -rf .venv; exit 1; }
	touch .venv

demo: .venv
	$(BIN)/kineme demo --out demo

test: lint test-fast

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

test-fast: .venv
	$(BIN)/pytest -m "not slow" -n auto

test-slow: .venv
	$(BIN)/pytest -m slow

bench: .venv
	$(BIN)/python -m benchmarks $(ARGS)

docs: .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv demo site build dist
