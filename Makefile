# The two commands: `make run` opens the studio, `make test` runs every test. Both make .venv first where it is missing.
#   make run ARGS="..."   arguments for the studio
#   PYTHON=python3.12 make run   chooses the interpreter for a new .venv

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# One thread a process unless told otherwise: the tests are many small products, and numbers repeat for a fixed thread count.
TEST_ENV := QT_API=pyside6 OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=PASSIVE

.DEFAULT_GOAL := help
.PHONY: help run test soak lint format clean env env-test

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile
	@echo "Targets: run test soak lint format clean"

env:
	@sh packaging/setup_env.sh

env-test:
	@sh packaging/setup_env.sh test

run: env
	@exec $(BIN)/ddmi-studio $(ARGS)

test: env-test
	$(TEST_ENV) $(BIN)/python -m pytest $(ARGS)

soak: env-test
	$(TEST_ENV) $(BIN)/python -m pytest -m soak -o faulthandler_timeout=3600 $(ARGS)

lint: env-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: env-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
