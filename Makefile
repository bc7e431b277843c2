# Everything happens in .venv, made from the hashed lock files by uv where there is one and by pip elsewhere.
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv)
INSTALL := $(if $(UV),$(UV) pip install --quiet --python .venv,$(BIN)/pip install --quiet --disable-pip-version-check)
LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 \
	--custom-compile-command "make lock" --extra redis --group build

BENCH_LOCK := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 \
	--custom-compile-command "make lock" bench/requirements.in --output-file bench/requirements.lock

.DELETE_ON_ERROR:
.PHONY: help serve test soak lint typecheck openapi schema bench bench-ingest bench-exports bench-client lock

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

serve: .venv/serve  ## run Parley with its own PostgreSQL and the sample data on http://127.0.0.1:8000
	@$(BIN)/parley serve $(ARGS)

test: .venv/test  ## run all tests on the same PostgreSQL; ARGS="-k rounds" picks some, ARGS="--cov" measures coverage
	@$(BIN)/pytest -n 4 --dist worksteal $(ARGS)

soak: .venv/test  ## readers and mirrors against the log, under 8 writers and kill -9; SECONDS=60 for less than 5 minutes
	$(BIN)/python -m tests.soak $(SECONDS)

lint: .venv/test  ## check style and migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/squawk db/migrations/*.sql
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive api cli db ingest schemas settings.py

typecheck: .venv/test  ## check types
	$(BIN)/mypy

openapi: .venv/serve  ## write openapi/openapi.json
	$(BIN)/parley openapi > .venv/openapi.json && mv .venv/openapi.json openapi/openapi.json

bench: .venv/serve bench/.venv/made  ## measure Parley beside its peers; QUICK=1 in less than four minutes, CASES="get list" picks some
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(CASES)

bench-ingest: .venv/serve  ## a batch of many rows beside COPY of what it makes; ROWS=5000 for fewer
	$(BIN)/python -m bench.ingest

schema: .venv/serve  ## write db/schema.sql, what all migrations make together
	$(BIN)/parley schema > .venv/schema.sql && mv .venv/schema.sql db/schema.sql

bench-exports: .venv/test  ## a million pledges as NDJSON, CSV and Parquet; PLEDGES=100000 for fewer
	$(BIN)/python -m bench.exports

bench-client: .venv/test  ## pour 1 GB into a running Parley; ARGS="URL KEYFILE"
	$(BIN)/python -m bench.large_file $(ARGS)

lock: .venv/test  ## write the lock files anew
	$(BIN)/$(LOCK) pyproject.toml --output-file requirements.lock
	$(BIN)/$(LOCK) --group dev pyproject.toml --output-file requirements-dev.lock
	$(BIN)/$(BENCH_LOCK)

bench/.venv/made: bench/requirements.lock
	$(if $(UV),$(UV) venv --quiet --allow-existing --python $(PYTHON) bench/.venv,$(PYTHON) -m venv bench/.venv)
	$(if $(UV),$(UV) pip install --quiet --python bench/.venv,bench/.venv/bin/pip install --quiet) --require-hashes \
		--requirement bench/requirements.lock
	@touch $@

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit("Parley needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(if $(UV),$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv,$(PYTHON) -m venv .venv)
	@touch $@

.venv/serve: .venv/made requirements.lock pyproject.toml
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test: .venv/serve requirements-dev.lock
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@touch $@
