# Needs make and Python 3.11 or newer; everything else is installed into .venv.

PYTHON ?= python3
PORT ?= 3000
EMULATOR_PORT ?= 3001
PEOPLE ?= 10000
BASE ?= main
ONLY ?=
PICTURES ?=

BIN := .venv/bin
PACKAGES := .venv/.packages
MODULES := frontend/node_modules/.installed
PAGES := frontend/build/index.html

# npm and the scripts it runs find the node that is in .venv.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix frontend
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --quiet pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help install run migrate migration test browser nightly lint types screenshots \
	bench bench-compare bench-growth bench-pages bench-streams bench-workers lock pages

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
		while IFS='|' read -r name what; do printf '%-20s %s\n' "$$name" "$$what"; done

install: pages ## set everything up: Python packages and the built pages

run: install ## start database, emulator and application (PORT=3000 EMULATOR_PORT=3001)
	@exec $(BIN)/python tools/run.py --port "$(PORT)" --emulator-port "$(EMULATOR_PORT)"

migrate: install ## bring the database's schema up to date
	@$(BIN)/rollcall migrate

migration: install ## write the migration for what changed in models and SQL (m="what it does")
	@$(BIN)/python tools/migration.py "$$m"

# Three at a time on two cores: many tests wait for programs to start and for clocks.
test: browser lint types ## check everything: lint, types, pages, then the tests
	@$(NPM) run --silent check
	@$(BIN)/python -m pytest -n 3

browser: $(PACKAGES) ## get a Chromium for the tests, where there is none
	@$(BIN)/python tools/browser.py

nightly: install ## deliver ten times as many histories in any order, and longer ones
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest --timeout 7200 tests/convergence

lint: install ## check style, formatting and which module may import which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/sqlfluff lint --disable-progress-bar backend/sql
	@$(BIN)/lint-imports

types: install ## check the types
	@$(BIN)/mypy

bench: install ## measure what things cost beside their limits (ONLY="GET /posts" for one)
	@$(BIN)/python bench/run.py --only "$(ONLY)" --listed "$(PEOPLE)" --json bench/figures.json

bench-compare: install ## measure this beside another commit, taking turns (BASE=main)
	@$(BIN)/python bench/run.py --only "$(ONLY)" --listed "$(PEOPLE)" --base "$(BASE)"

bench-growth: install ## measure what grows with the database (ONLY="/team" for some)
	@$(BIN)/python bench/growth.py --only "$(ONLY)" --json bench/growth.json

bench-pages: install browser ## measure pages on a slow phone, and how they scroll (PEOPLE=10000)
	@$(BIN)/python bench/pages.py --people "$(PEOPLE)"

bench-streams: install ## measure what a thousand open pages cost a process
	@$(BIN)/python bench/streams.py

bench-workers: install ## measure one, two and four processes, and PgBouncer in front of them
	@$(BIN)/python bench/workers.py --only "$(ONLY)"

screenshots: install browser ## take pictures of every page (ONLY=roles; PICTURES=docs/pictures: the README's, too)
	@$(BIN)/python -m tools.screenshots --only "$(ONLY)" $(if $(PICTURES),--readme "$(PICTURES)")

lock: $(PACKAGES) ## pin the newest versions of all packages
	@$(LOCK) --upgrade --extra local --extra dev --output-file requirements-dev.lock
	@$(LOCK) --upgrade --constraint requirements-dev.lock --output-file requirements.lock

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Rollcall needs Python 3.11 or newer, and there is no $(PYTHON) here: install it (Debian: apt install python3 python3-venv)."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Rollcall needs Python 3.11 or newer, and $(PYTHON) is older: install a newer one and say which, as in make PYTHON=python3.13 install."; exit 1; }
	@$(PYTHON) -m venv --clear .venv >/dev/null 2>&1 || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian: apt install python3-venv)."; exit 1; }

# uv takes seconds where pip takes a minute, but only pip knows a mirror that was set up for pip.
$(PACKAGES): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing the Python packages …"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock | \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(MODULES): frontend/package-lock.json frontend/package.json | $(PACKAGES)
	@echo "Installing what the pages are built with …"
	@$(NPM) ci --no-audit --no-fund --loglevel error >/dev/null
	@touch $@

# The names of routes hold characters that make reads as patterns, so find compares the times.
pages: $(PACKAGES) $(MODULES)
	@if [ ! -e $(PAGES) ] || [ -n "$$(find frontend/src frontend/static frontend/messages \
		frontend/*.json frontend/*.ts -newer $(PAGES) -not -path "*/lib/words*" -print | head -n 1)" ]; then \
		echo "Building the pages …"; \
		log=$$($(NPM) run --silent build 2>&1) || { echo "$$log"; exit 1; }; \
	fi
