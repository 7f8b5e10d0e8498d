# Two commands for a fresh machine with Python 3.11+ and make:  make refresh  and  make test.
PYTHON ?= python3
BIN := .venv/bin
KCN_DATA_DIR ?= data
DAGSTER_FOLDER := $(abspath $(KCN_DATA_DIR))/dagster_home
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := true
# Without compiled files great_expectations alone takes ten seconds longer to import.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: refresh dev test test-all bench lint sample
.DEFAULT_GOAL := refresh

refresh: .venv/ready          ## land, stage, validate, compute, publish tonight from data/sources.yaml
	$(BIN)/kcn refresh

dev: .venv/ready $(DAGSTER_FOLDER)/dagster.yaml   ## Dagster UI on 127.0.0.1:3000
	DAGSTER_HOME=$(DAGSTER_FOLDER) $(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

test: .venv/ready             ## everything but the slow tests
	$(BIN)/python -m pytest

test-all: .venv/ready         ## the slow tests too
	$(BIN)/python -m pytest -m 'slow or not slow'

bench: .venv/ready            ## JSON lines: name, value, unit, target, ok
	$(BIN)/python -m kcn_pipeline_tests.bench

lint: .venv/ready             ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

sample: .venv/ready           ## write the tracked sample anew (seeded: the same bytes)
	$(BIN)/python -m kcn_pipeline_tests.simulate --tracked

$(DAGSTER_FOLDER)/dagster.yaml: kcn_pipeline/defs/dagster.yaml
	mkdir -p $(@D) && cp $< $@

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m compileall -q .venv/lib kcn_pipeline kcn_pipeline_tests >/dev/null || true
	touch $@
