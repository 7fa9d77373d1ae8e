# Two commands on a fresh machine: `make demo` and `make test`. `make help` lists the others.
# Needs: make, and Python 3.11 or newer as `python3` (or PYTHON=/path/to/python3.12).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3
PYTEST_ARGS ?=

# Stamps are named after what they stand for, so that nothing is installed again until a lock really changes.
sum = $(shell cat $(1) | cksum | tr -d ' \t')
RUNTIME_STAMP := $(VENV)/.runtime-$(call sum,deploy/requirements.lock)
DEV_STAMP := $(VENV)/.dev-$(call sum,deploy/requirements-dev.lock)
LINTER_STAMP := $(VENV)/.linter-$(call sum,tests/adr/package-lock.json)
PACKAGE_STAMP := $(VENV)/.package-$(call sum,pyproject.toml)

# Where the interpreter went away (an upgrade of the system), so did everything that was installed for it.
$(shell $(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV))

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST := $(BIN)/python -m pytest

.PHONY: help
help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

# --- What people run --------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(RUNTIME_STAMP) $(PACKAGE_STAMP)  ## The story of one family on a real broker; PLAY=once stops after it
	$(BIN)/broker demo $(if $(filter once,$(PLAY)),--once)

.PHONY: test
test: dev browser curl generator  ## Every test, on SQLite and PostgreSQL and in a browser; PYTEST_ARGS="-k name" narrows
	$(PYTEST) -n $(WORKERS) --dist worksteal -m "not hsm" $(PYTEST_ARGS)

.PHONY: test-hsm
test-hsm: dev softhsm  ## Keys on a PKCS#11 token, in software (SoftHSM2); PYTEST_ARGS as for `make test`
	$(PYTEST) -m hsm $(PYTEST_ARGS) tests/hsm

.PHONY: test-replicas
test-replicas: dev nginx  ## Two brokers behind nginx, restarted one after the other under load; TIMES=5 does it five times, EACH=2 with two processes each
	$(BIN)/python -m tests.replicas rolling $(or $(TIMES),3) $(or $(EACH),1)

.PHONY: test-ha ha ha-down
test-ha: dev ha-packages  ## Brokers under load on a PostgreSQL that loses its primary (Patroni, etcd, HAProxy)
	$(BIN)/python -m tests.ha

ha: ha-packages  ## PostgreSQL on three machines, all on this one, in /tmp/rondom-ha
	deploy/ha/run.sh up

ha-down:  ## Stop that, and throw it away
	deploy/ha/run.sh down

.PHONY: check
check: check-format check-lint check-types check-imports check-policies check-words check-docs check-hosts check-locks check-api  ## Format, lint, types, imports, policies, plain words, docs, locks, the rules for APIs

.PHONY: fuzz
fuzz: dev  ## The generated tests, far longer and different each time
	HYPOTHESIS_PROFILE=fuzz $(PYTEST) -n $(WORKERS) --dist worksteal -m hypothesis $(PYTEST_ARGS)

.PHONY: bench
bench: dev  ## What things cost beside what they could, into docs/performance.md; ONLY=sealing does one part
	$(BIN)/python -m tests.bench $(ONLY)

.PHONY: crash soak
crash: dev  ## Brokers killed, cut off and starved, and what that leaves; ONLY=kill-sqlite does one part, TIMES=5 so often
	$(BIN)/python -m tests.crash $(ONLY) $(if $(TIMES),--times $(TIMES))

MINUTES ?= 5
soak: dev  ## Mixed load for MINUTES: memory, files and connections must not grow
	$(BIN)/python -m tests.crash soak --minutes $(MINUTES)

.PHONY: screenshots
screenshots: dev browser  ## Pictures of the pages into docs/screenshots
	rm -f docs/screenshots/*.png
	SCREENSHOTS=docs/screenshots $(PYTEST) -m screenshots $(PYTEST_ARGS)
	$(BIN)/python -m tests.support.pictures docs/screenshots

.PHONY: docs
docs: dev  ## Draw the pages that are drawn from the code
	$(BIN)/python -m tests.support.life_of_a_consent

.PHONY: format
format: dev  ## Format and mend what can be mended by itself
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: lock
lock: dev  ## Lock the requirements anew; UPGRADE=--upgrade takes newer ones
	$(LOCK) --group dev -o deploy/requirements-dev.lock pyproject.toml
	$(LOCK) -c deploy/requirements-dev.lock -o deploy/requirements.lock pyproject.toml
	$(LOCK) -c deploy/requirements-dev.lock --all-extras -o deploy/requirements-stores.lock pyproject.toml
	$(COMPILE) -o tests/generator/requirements.lock tests/generator/requirements.in
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	--python-version 3.11 $(UPGRADE)
LOCK = $(COMPILE) --group build

.PHONY: clean
clean:  ## Remove what was made: .venv, caches, var; never keys
	rm -rf $(VENV) var build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The parts of `make check` ----------------------------------------------------------------------------------------

.PHONY: check-format check-lint check-types check-imports check-policies check-words check-docs check-hosts check-locks check-api
check-format: dev
	$(BIN)/ruff format --quiet --check .
check-lint: dev
	$(BIN)/ruff check --quiet .
check-types: dev
	$(BIN)/mypy --no-error-summary
check-imports: dev
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
check-policies: dev
	$(BIN)/broker policies check
	$(BIN)/broker policies test
check-words: dev
	$(BIN)/python .ci/plain_words.py
check-docs: dev
	$(BIN)/python .ci/checks.py docs
	@$(BIN)/python -m tests.support.life_of_a_consent --check
check-hosts: dev
	$(BIN)/python .ci/checks.py hosts
check-locks: dev
	$(BIN)/python .ci/checks.py locks
check-api: dev $(LINTER_STAMP)
	@$(BIN)/python -m tests.support.api_description > $(VENV)/openapi.json 2> $(VENV)/linter.log \
	  || { cat $(VENV)/linter.log; exit 1; }
	@$(VENV)/linter/node_modules/.bin/spectral lint --quiet --fail-severity warn -r tests/adr/linter.yaml $(VENV)/openapi.json \
	  > $(VENV)/linter.log || { cat $(VENV)/linter.log; exit 1; }

# --- What they stand on -----------------------------------------------------------------------------------------------

.PHONY: dev browser curl generator softhsm
dev: $(DEV_STAMP) $(PACKAGE_STAMP)

browser: dev
	@$(BIN)/python -m tests.support.browser > /dev/null

# The commands of docs/integrators.md are run as they stand.
curl:
	@curl --help all 2>/dev/null | grep -q -e '--json' || { \
	  echo "The tests run the commands of docs/integrators.md, which need curl 7.82 or newer. On Debian or Ubuntu:" \
	    "apt-get install curl. On macOS it is there, or: brew install curl" >&2; exit 1; }

generator: dev
	@$(BIN)/python -m tests.support.generator > /dev/null

# Installed where we may (Debian, as root); elsewhere the command says what is missing.
.PHONY: nginx ha-packages
nginx:
	@command -v nginx > /dev/null || [ -x /usr/sbin/nginx ] || $(call apt,nginx-light)
ha-packages:
	@command -v patroni > /dev/null && command -v etcd > /dev/null && ls -d /usr/lib/postgresql/*/bin > /dev/null 2>&1 && [ -x /usr/sbin/haproxy ] \
	  || $(call apt,patroni python3-etcd etcd-server haproxy postgresql curl)
apt = { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1) > /dev/null; } \
	|| { echo "Needed. On Debian or Ubuntu: apt-get install --no-install-recommends $(1)" >&2; exit 1; }

softhsm: dev
	@$(BIN)/python -m tests.support.softhsm > /dev/null

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Rondom needs Python 3.11 or newer, and \`$(PYTHON)\` is not that. Install it, or name it:" \
	    "make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The development lock holds the runtime one (`.ci/checks.py locks` sees to it), so either may come first.
$(RUNTIME_STAMP): | $(BIN)/python
	@echo "Installing the locked requirements into $(VENV), once ..."
	@$(PIP) install --require-hashes -r deploy/requirements.lock
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing the locked requirements and the development tools into $(VENV), once ..."
	@$(PIP) install --require-hashes -r deploy/requirements-dev.lock
	@rm -f $(VENV)/.dev-* $(VENV)/.runtime-* && touch $@ $(RUNTIME_STAMP)

# The linter of the rules for APIs runs on Node: only `make check` needs it.
$(LINTER_STAMP): | $(BIN)/python
	@command -v npm > /dev/null || { \
	  echo "The linter of the rules for APIs needs Node. On Debian or Ubuntu: apt-get install npm" >&2; exit 1; }
	@mkdir -p $(VENV)/linter && cp tests/adr/package.json tests/adr/package-lock.json $(VENV)/linter
	@cd $(VENV)/linter && npm ci --ignore-scripts --no-audit --no-fund --silent
	@rm -f $(VENV)/.linter-* && touch $@

# `make demo` never needs the development tools; `make test` never installs the runtime lock on its own.
$(PACKAGE_STAMP): | $(if $(filter demo,$(MAKECMDGOALS)),$(RUNTIME_STAMP),$(DEV_STAMP))
	@$(PIP) install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.package-* && touch $@
