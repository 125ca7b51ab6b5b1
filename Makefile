# Lithify's commands. `make help` lists them; every one sets up what it needs first.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PIP_FLAGS ?=
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.lithify-setup
PACKAGES := backends compiler examples hw_tests ir
TYPED := $(foreach one,tests benchmarks examples,$(if $(wildcard $(one)/*.py),$(one)))
META := tests/test_doctests.py tests/test_house.py tests/test_layering.py tests/test_pages.py \
        tests/test_packaging.py tests/test_recipe_page.py tests/test_startup.py

.PHONY: help setup demo bench test hw check style types meta pages wheel wheel-check clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "; print "make TARGET, where TARGET is one of:"} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install everything pinned; a second run installs nothing

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Lithify needs Python 3.11 or later; choose one with: make PYTHON=python3.11"; exit 2; }
	@[ -x $(BIN)/python ] || { echo "[1/3] making $(VENV)"; $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python's venv is missing; on Debian: apt install python3-venv"; exit 2; }; }
	@echo "[2/3] installing the pinned packages (some minutes the first time)"
	@PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install \
	  --no-input --progress-bar off $(PIP_FLAGS) -e '.[all,dev]' \
	  | awk '/^ *(Collecting|Downloading|Installing|Building|Successfully)/ \
	         {sub(/^ */, ""); print "      " substr($$0, 1, 90); fflush()}'
	@$(BIN)/lithify --version | sed 's/^/[3\/3] ready: /'
	@touch $@

demo: setup ## the whole way on the bundled digits: train, compile, prove, simulate, build
	@$(BIN)/lithify demo

bench: demo ## the demo, then the figures of the README against their bars
	$(BIN)/python -m benchmarks.mutants --design build/digits --check
	$(BIN)/python -m benchmarks.accuracy --check
	$(BIN)/python -m benchmarks.scale --check
	$(BIN)/python -m benchmarks.training --check

test: setup ## every test, then the wheel from outside the clone
	$(BIN)/pytest -n $(JOBS) --dist loadfile --durations 10
	@$(MAKE) --no-print-directory wheel-check

hw: setup ## the hardware's tests: Verilog, benches in Verilator, synthesis, place and route
	$(BIN)/pytest -n $(JOBS) --dist loadfile --durations 10 hw_tests tests/backends/fpga \
	  tests/backends/verilog

check: style types meta ## formatting, lint, types and the tests of the project's form

style: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check

# The type checker cannot follow the import hook of the editable install; it follows links.
types: setup ## mypy over the package, the tests and the benchmarks
	@rm -rf build/types && mkdir -p build/types/lithify
	@ln -s $(CURDIR)/lithify/* $(addprefix $(CURDIR)/,$(PACKAGES)) build/types/lithify
	$(BIN)/mypy
	$(BIN)/mypy $(TYPED)

pages: setup ## write the tables of docs/recipes.md again, after a key of recipes changed
	PYTHONPATH=tests $(BIN)/python tests/recipe_page.py

meta: setup
	$(BIN)/pytest -q $(META)

wheel: setup ## build the wheel and the source archive into dist/
	@rm -rf dist build/lib build/bdist.* && mkdir -p build
	@$(BIN)/python -m build --no-isolation --outdir dist . > build/wheel.log 2>&1 || \
	  { tail -n 30 build/wheel.log; exit 1; }
	@ls -l dist | awk 'NR > 1 {print "  dist/" $$NF, $$5, "bytes"}'

wheel-check: wheel ## install the wheel alone, without torch, outside the clone, and use it
	@.ci/wheel-check dist/*.whl dist/*.tar.gz

clean: ## remove what was built and cached, but not .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -exec rm -rf {} +
