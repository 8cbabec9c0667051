# Two commands do everything on a machine with Python 3.11 or later (with its venv module) and make:
#   make demo    the environment, the main example on real input, what it made and where
#   make test    the environment, the whole test suite
# Stamps in .venv depend on pyproject.toml, so the environment is only touched when that changed.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
DEMO_ARGS ?=
ROUNDS ?= 1000
SEED ?= 0
SEEDS ?= 1000
WORKERS ?= $(if $(findstring --trace,$(SIM_ARGS)),1,$(shell nproc))
SIM_ARGS ?=
MINUTES ?= 10
BENCH_ARGS ?= --write docs/benchmarks.md
CLUSTER_BENCHMARKS ?= $(sort $(wildcard benchmarks/cluster_*.py))
BENCHMARKS ?= $(filter-out benchmarks/_%.py $(CLUSTER_BENCHMARKS),$(sort $(wildcard benchmarks/*.py)))
MEASURE = @set -e; for script in $(1); do echo "== $$script"; $(BIN)/python $$script $(BENCH_ARGS); done
INSTALL := $(BIN)/python -m pip install --quiet --editable
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test docs programs interpreters exhaustive mutations fuzz sim sim-mutations chaos check format bench bench-cluster clean distclean

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

venv: $(VENV)/.dev ## make .venv with everything for development (PYTHON=python3.12 chooses another Python)

demo: $(VENV)/.demo ## run examples/lambda_phage; again: nothing is redone (DEMO_ARGS='--window 1000' to try something)
	$(BIN)/python examples/lambda_phage/pipeline.py $(DEMO_ARGS)

test: $(VENV)/.dev programs ## run the whole test suite on all cores (PYTEST_ARGS='-k planner' for a part of it)
	$(if $(filter-out --color=no,$(PYTEST_ARGS)),$(BIN)/python -m pytest -n auto --dist worksteal,.ci/tests) $(PYTEST_ARGS)

docs: $(VENV)/.docs ## build the documentation into site/; warnings and dead links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "the documentation is in site/index.html"

interpreters: ## run the whole suite on every Python from 3.11 on that is found, each in .venvs/VERSION
	.ci/interpreters $(PYTEST_ARGS)

# What only some tests need; where it is missing and can't be installed, those tests say so.
programs:
	@.ci/programs

exhaustive: $(VENV)/.dev ## hold the planner against its oracle on all graphs of four nodes (half an hour on two cores)
	PPG_EXHAUSTIVE=1 $(BIN)/python -m pytest -n auto --dist worksteal tests/planner/test_exhaustive.py

mutations: $(VENV)/.dev ## break the code on purpose in fifty places, and see that the tests notice (15 minutes on two cores)
	$(BIN)/python -m tests.mutations.run

fuzz: $(VENV)/.dev ## kill random processes at random moments, round after round (ROUNDS=1000 SEED=0)
	cd tests && ../$(BIN)/python -B -m crash.fuzz --rounds $(ROUNDS) --seed $(SEED) --workers $$(nproc)

sim: $(VENV)/.dev ## play whole clusters with faults in virtual time (SEEDS=1000 SEED=0 WORKERS=2 SIM_ARGS=--trace)
	cd tests && ../$(BIN)/python -B -m sim.run --seed $(SEED) --seeds $(SEEDS) --workers $(WORKERS) $(SIM_ARGS)

sim-mutations: $(VENV)/.dev ## break the code on purpose, and see that the simulation finds it (15 minutes on two cores)
	$(BIN)/python -m tests.mutations.simulated

chaos: $(VENV)/.dev programs ## kill, freeze and cut off at random on three hosts in network namespaces (MINUTES=10 SEED=0)
	cd tests && ../$(BIN)/python -B -m chaos.driver --minutes $(MINUTES) --seed $(SEED)

check: $(VENV)/.dev ## lint, format, types, imports between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## run the benchmarks and renew docs/benchmarks.md (BENCH_ARGS=--quick: do they still work?)
	$(call MEASURE,$(BENCHMARKS))

bench-cluster: $(VENV)/.dev ## likewise, what a cluster costs: slaves on this machine, and a thousand in virtual time
	$(call MEASURE,$(CLUSTER_BENCHMARKS))

clean: ## remove caches, builds and results of the examples
	rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache examples/*/results
	find . \( -path ./$(VENV) -o -path ./.venvs \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environments, too
	rm -rf $(VENV) .venvs

# A standing environment that works is kept; half of one, left by an interrupted run, is made anew.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "pypipegraph needs Python 3.11 or later, '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	         "Name another one: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "'$(PYTHON)' has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo "making $(VENV) …"; $(PYTHON) -m venv --clear $(VENV); }
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "installing pypipegraph and what the demo needs into $(VENV) …"
	@$(INSTALL) '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "installing pypipegraph and what development needs into $(VENV) …"
	@$(INSTALL) '.[dev,demo]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: pyproject.toml | $(VENV)/.made
	@echo "installing pypipegraph and what the documentation needs into $(VENV) …"
	@$(INSTALL) '.[docs]'
	@touch $@
