# `make demo` opens the workbench on the bundled set; `make test` runs the tests; `make check` runs the linters;
# `make monkey` plays random keys on the interface, `make coverage` and `make bench` measure.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test monkey check coverage bench picture clean

demo: $(VENV)/.installed
	$(BIN)/workbench demo

test: $(VENV)/.installed-dev
	$(BIN)/pytest -q -n logical --maxprocesses 4

# Random keys, clicks and resizes: `make monkey SEEDS=1-24 KEYS=1000`; a seed that fails prints the last of its keys.
SEEDS ?= 1-8
KEYS ?= 1000

monkey: $(VENV)/.installed-dev
	MONKEY_SEEDS=$(SEEDS) MONKEY_KEYS=$(KEYS) $(BIN)/pytest -q --tb=short tests/tui/test_monkey.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

# Lines reached by the tests, those of runs, of the worker and of the commands included.
coverage: $(VENV)/.installed-dev
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n logical --maxprocesses 4
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

bench: $(VENV)/.installed-dev
	$(BIN)/python tests/benchmarks

picture: $(VENV)/.installed-dev
	$(BIN)/python data/make_picture.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

# pip's own support for dependency groups is newer than the pip that Python 3.11 brings.
$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install -q -U "pip>=25.1"
	$(BIN)/python -m pip install -q -c constraints.txt --group dev
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
