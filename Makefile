# make demo   install, then run the whole chain on real images
# make test   install, then run every test
# make check  what a commit must pass: lint, format, types, layers, unit tests

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed

.PHONY: demo test check lint format clean

demo: $(INSTALLED)
	$(BIN)/zeroescape demo --json build/demo.json

test: $(INSTALLED)
	$(BIN)/pytest -n 2 -m "not slow"
	$(BIN)/pytest -m slow

check: lint
	$(BIN)/pytest -q -n 2 -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Plain pip, one environment; again only when the dependencies change.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[demo,dev]"
	touch $@

clean:
	rm -rf build
