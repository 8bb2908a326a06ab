# `make demo` and `make test` work on a fresh machine; both first run tools/setup, which does nothing when all is there.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test test-slow lint format docs bench fuzz soak live-soak clean

help:
	@echo "make demo       the loop on a sample: in napari, or without a display driven by itself into demo-out/"
	@echo "make test       checks of the code and all tests"
	@echo "make test-slow  tests that take minutes: a project's process is killed 200 times"
	@echo "make lint       ruff and mypy only; make format repairs what ruff can"
	@echo "make fuzz       looks for files that break the readers (a minute each; SECONDS=600 for ten)"
	@echo "make soak       counts what grows over 1,000 rounds and 200 openings, into benchmarks/out/ (hours)"
	@echo "make live-soak  an hour of scripted live use in a window: memory, threads (MINUTES=5 for five)"
	@echo "make docs       the documentation, into site/"
	@echo "make bench      the benchmarks, into benchmarks/out/ (hours; see benchmarks/RESULTS.md)"

setup:
	@PYTHON=$(PYTHON) tools/setup

demo: setup
	@tools/demo

# Windows and processes are waited for: three processes of tests keep two cores busy. What a file shares is made once.
test: lint
	tools/screen $(BIN)/python -m pytest -n 3 --dist loadfile

test-slow: setup
	tools/screen $(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m pip install -q -c constraints.txt --group docs
	$(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python benchmarks/weight_map.py
	$(BIN)/python benchmarks/prediction_speed.py
	tools/screen $(BIN)/python benchmarks/opening.py
	tools/screen $(BIN)/python benchmarks/window.py
	$(BIN)/python benchmarks/few_crops.py
	$(BIN)/python benchmarks/few_crops.py --report

fuzz: setup
	$(BIN)/python -m pip install -q -c constraints.txt --group fuzz
	$(BIN)/python -W ignore tests/fuzz/fuzz.py --seconds $(or $(SECONDS),60)

soak: setup
	tools/screen $(BIN)/python benchmarks/soak.py

live-soak: setup
	tools/screen $(BIN)/python benchmarks/live.py --soak $(or $(MINUTES),60)

clean:
	rm -rf .venv demo-out fuzz-out site dist build .mypy_cache .ruff_cache .pytest_cache
