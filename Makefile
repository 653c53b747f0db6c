# Everything that is done with this project, the same here and in CI. Each target sets up what it needs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SOURCES := $(shell find src -type f -not -name '*.pyc')

.PHONY: help run test test-deep model-deep check format bench docs clean

help:
	@echo "make run         the demo on http://127.0.0.1:8000 (PORT=… for another port, FOLDER=… to keep its sessions)"
	@echo "make test        all tests, against the built wheel"
	@echo "make test-deep   the same, with longer searches and the whole model"
	@echo "make model-deep  the whole model check of the rotation rules"
	@echo "make check       ruff, mypy, import-linter, docs"
	@echo "make format      let ruff put the code in order"
	@echo "make bench       speed, as ratios measured in one run"
	@echo "make docs        check that the docs name everything and that their examples run"

run: $(VENV)/run.stamp
	$(BIN)/python demo/app.py $(if $(FOLDER),--folder "$(FOLDER)")

test: $(VENV)/wheel.stamp chromium
	$(BIN)/python -m pytest -n 2 --dist loadgroup --durations 15

test-deep: $(VENV)/wheel.stamp chromium model-deep
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n 2 --dist loadgroup --durations 15

model-deep: $(VENV)/wheel.stamp
	$(BIN)/python -m tests.model

check: $(VENV)/dev.stamp docs
	$(BIN)/ruff format --check src tests demo benchmarks
	$(BIN)/ruff check src tests demo benchmarks
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff format src tests demo benchmarks
	$(BIN)/ruff check --fix src tests demo benchmarks

bench: wrk-and-openssl
	$(PYTHON) -m benchmarks

docs: $(VENV)/wheel.stamp
	$(BIN)/python -m pytest -q tests/docs

clean:
	rm -rf $(VENV) .venv-bench* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis test-artifacts

# A virtual environment with what the demo needs: the package and Flask.
$(VENV)/run.stamp: pyproject.toml $(SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check ".[flask]"
	touch $@

# The tools for work on the project.
$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check ".[dev]"
	touch $@

# What is tested is the built wheel, not the source tree.
$(VENV)/wheel.stamp: $(VENV)/dev.stamp $(SOURCES) README.md
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	touch $@ $(VENV)/run.stamp

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		{ echo "installing chromium, which the browser tests drive"; apt-get -qq update && apt-get -qq install -y chromium; }

.PHONY: wrk-and-openssl
wrk-and-openssl:
	@{ command -v wrk && command -v openssl; } >/dev/null || { \
		echo "installing wrk, which asks the servers, and openssl, which says what one core can do"; \
		apt-get -qq update && apt-get -qq install -y wrk openssl; } || echo "what needs them is not measured"
