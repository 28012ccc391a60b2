# hitline: everything runs from a local .venv that sets itself up.
#   make demo    the main job on recorded or synthesised hits, results in out/demo/
#   make test    what a stranger runs (at most 6 minutes on two cores)
#   make check   lint, format, types, layers, packages list
#   make ci      what continuous integration does, on a fresh clone of the last commit; out/ci.json
#   make faults  every fault and fuzz test at full count (at most 25 minutes)
#   make bench   figures, as JSON in bench/results/
#   make lock    the newest versions of everything that pyproject.toml allows, into requirements.lock
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Tests wait for processes more than they compute: three at a time, a file never split. Unset to run one by one.
PARALLEL ?= -n 3 --dist loadfile --no-loadscope-reorder
PYTEST ?= $(BIN)/python -m pytest
ROOMS  := analysis bus cli db devices ioc panels plans
# Recorded detector data, where they lie beside the checkout; without them the tests that need them skip.
HITLINE_DATA ?= $(abspath $(wildcard ../shared/data))
export HITLINE_DATA
# Hundreds of processes load the same modules: where bytecode is not kept, each translates them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check ci faults bench fuzz soak lock clean
.DEFAULT_GOAL := test

$(VENV)/run.stamp: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "hitline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -c requirements.lock -e '.[parquet]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(PIP) -c requirements.lock -e '.[parquet,dev]'
	@touch $@

demo: $(VENV)/run.stamp
	$(BIN)/hitline demo

test: $(VENV)/dev.stamp
	$(PYTEST) -m 'not faults' $(PARALLEL) $(ARGS)

faults: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m faults $(PARALLEL) $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=.types $(BIN)/mypy $(addprefix -p hitline.,$(ROOMS))
	PYTHONPATH=.types $(BIN)/lint-imports
	$(BIN)/hitline db generate --check
	$(BIN)/python -m pytest -q -m 'not faults' tests/house $(ARGS)

ci:
	@bash .ci/clone

bench: $(VENV)/dev.stamp
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

fuzz soak:
	@echo "make $@: not filled yet; the fault tests at full count are in 'make faults'" >&2; exit 1

lock:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder/venv" \
	  && "$$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[parquet,dev,pi]' \
	  && { echo "# Made by 'make lock'; what make and continuous integration install."; \
	       "$$folder/venv/bin/python" -m pip freeze --all --exclude pip --exclude hitline; } > requirements.lock \
	  && wc -l requirements.lock

clean:
	rm -rf $(VENV) out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
