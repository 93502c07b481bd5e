# The commands. Each works in a fresh clone with only python3 and make installed.
# Another Python: make PYTHON=python3.12 setup

PYTHON ?= python3
PY := .venv/bin/python
JOBS ?= 2

# .venv's own Python checks whether .venv is current, unless the user names another Python.
SETUP_PYTHON := $(if $(filter file default undefined,$(origin PYTHON)),$(or $(wildcard $(PY)),$(PYTHON)),$(PYTHON))

# Paths and messages are UTF-8 whatever the locale is, because DuckDB and polars know only UTF-8.
export PYTHONUTF8 := 1

# No program sends usage statistics.
export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.DEFAULT_GOAL := help
.PHONY: help setup run refresh backfill ui dashboard screenshots pictures docs test chaos lint bench portable clean lock
.NOTPARALLEL:

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Create .venv from requirements.lock; does nothing when it is current
	@command -v "$(SETUP_PYTHON)" >/dev/null || { echo "Set-up failed: there is no $(SETUP_PYTHON) here. Install Python 3.13, or name one: make PYTHON=python3.12 setup" >&2; exit 1; }
	@"$(SETUP_PYTHON)" -X utf8 -IS scripts/setup.py || { [ $$? -ne 2 ] || echo "Set-up failed: $(SETUP_PYTHON) is no Python 3. Name one: make PYTHON=python3.12 setup" >&2; exit 1; }

run: setup ## Simulate a retailer and run the whole pipeline, from landing files to published tables
	@$(PY) -m c360_dagster run

refresh: setup ## Load whatever is new in landing and rebuild what depends on it (ANEW=1: all of it)
	@$(PY) -m c360_dagster refresh $(if $(filter-out 0 no off,$(ANEW)),--anew)

backfill: setup ## Record the customers of past days: FROM=2025-01-01 TO=2025-01-31
	@$(PY) -m c360_dagster backfill $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO))

ui: setup ## Open Dagster on 127.0.0.1:3000
	@$(PY) -m c360_dagster ui

# The tests of a file share fixtures that are slow to prepare, so they run on one worker.
WORKERS := -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: setup ## Run the whole test suite
	@$(PY) -m pytest $(WORKERS) $(PYTEST_ARGS)

chaos: setup ## Break things in the middle, the long way: twenty kills, damaged and full disks
	@$(PY) -m pytest $(WORKERS) -m "chaos or not chaos" tests/test_faults.py tests/resources $(PYTEST_ARGS)

SOURCES := $(wildcard landing_contract.py mock_data c360_dagster c360_dashboard bench portable scripts tests)
MODELS := $(shell find dbt_c360 -name '*.sql' -not -path '*/target/*' 2>/dev/null | head -1)

lint: setup ## Check style, format, types and SQL
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy $(SOURCES)
	@$(if $(MODELS),$(PY) -m sqlfluff lint --disable-progress-bar dbt_c360,echo "No SQL models yet.")

dashboard: setup ## Show what was published as web pages on 127.0.0.1:8501
	@$(PY) -m c360_dashboard

screenshots: setup ## Take pictures of the dashboard, into C360_HOME/screenshots
	@$(PY) -m c360_dashboard.screenshots

pictures: setup ## Take the README's pictures anew, into docs/pictures
	@$(PY) -m c360_dashboard.pictures

docs: setup ## Write a page that describes every table and column
	@$(PY) -m c360_dagster docs

portable: ## Prove that the models run on Spark and Snowflake, in .venv-portable; needs Java 17
	@"$(if $(filter file default undefined,$(origin PYTHON)),$(or $(wildcard .venv-portable/bin/python),$(PYTHON)),$(PYTHON))" -X utf8 -IS scripts/setup.py portable
	@.venv-portable/bin/python -m portable

# SIZES="5000 100000 1000000" for more customers; the million takes most of an hour and 50 GB.
bench: setup ## Measure speed and memory against plain SQL, stock parts and pandas (SIZES="5000")
	@$(PY) -m bench $(SIZES)

clean: setup ## Remove what can be made again; keeps landing files, ids, recorded days and exports
	@$(PY) -m c360_dagster clean
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

LOCKED := UV_SYSTEM_CERTS=$${UV_SYSTEM_CERTS:-1} .venv/bin/uv pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade) --quiet

lock: setup ## Write both locks anew from pyproject.toml (UPGRADE=1: newest versions)
	@$(LOCKED) pyproject.toml --extra ui --extra dashboard --group dev --output-file requirements.lock
	@$(LOCKED) --group portable --output-file requirements-portable.lock
	@$(MAKE) --no-print-directory setup
