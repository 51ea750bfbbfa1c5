# Two commands do all the set-up: `make run` and `make test`.
# Everything lands in .venv; nothing is installed on the machine itself.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
COVERAGE := 90
# As many processes as cores; a file's tests stay together, for they share servers. Where coverage is
# measured, `tests/run.py` has two instead.
PARALLEL := -n auto --dist loadfile

# Of benchmarks/generate.py, in the order of its table.
SIDES := ours-int8 ours-int4 llama.cpp-q8 llama.cpp-q4 ctranslate2-int8 openvino-int8 openvino-int4 transformers-bfloat16

.PHONY: help run test test-fast lint format bench clients web screenshot clean

help: ## Show what there is to do
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(VENV)/.installed web ## Chat in the browser with the bundled model
	@$(BIN)/mini-claude serve --open

test: $(VENV)/.installed-dev web ## Every check that needs no reading: tests on SQLite, PostgreSQL and Chromium
	@$(BIN)/python -m tests.run --fail-under=$(COVERAGE)

test-fast: $(VENV)/.installed-dev ## The tests without browser and PostgreSQL
	@$(BIN)/python -m pytest $(PARALLEL) -m "not browser and not postgres"

lint: $(VENV)/.installed-dev ## Style, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## Put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## Us and our peers, which it installs: answers, the server, LoRA, all weights, rows (hours)
	$(BIN)/python benchmarks/peers.py install llama.cpp ctranslate2 openvino
	$(BIN)/python benchmarks/generate.py --shape smollm2-360m --sides $(SIDES)
	$(BIN)/python benchmarks/generate.py --shape dialogpt-medium --sides $(SIDES)
	$(BIN)/python benchmarks/second_turn.py --dtype int4
	$(BIN)/python benchmarks/adapters.py --dtype int4
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/finetune.py
	$(BIN)/python benchmarks/pretrain.py
	$(BIN)/python benchmarks/reading.py

clients: $(VENV)/.installed-dev ## Unmodified clients against a live server, each in an environment of its own
	$(BIN)/python -m tests.clients.run

web: $(VENV)/.installed ## Build the page into the package
	@$(BIN)/python web/build.py

screenshot: $(VENV)/.installed-dev web ## Take docs/images from the running product
	$(BIN)/python -m web.screenshots

clean: ## Remove what was built, keep what you own (~/.mini-claude)
	rm -rf $(VENV) web/node_modules miniclaude/server/static

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed. Install it, or run: make PYTHON=/path/to/python3.11 run" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || \
		{ echo "error: could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing Mini-Claude into $(VENV) (a minute or two the first time)…"
	@$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need…"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
