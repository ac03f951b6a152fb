# Datong 大同. `make` lists the verbs; every verb sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
UV := .venv/bin/uv
UV_VERSION := 0.13.9
STAMP := .venv/.ready
CLIENTS := clients/.venv/.ready
# Modules are compiled at set-up, not at every start: five nodes and their clients would do it on two cores, and where
# PYTHONDONTWRITEBYTECODE is set, each time.

.PHONY: help setup demo demo-clean test test-matrix lint docs domains bench bench-matching bench-privacy conformance faults types psi

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) $(CLIENTS) ## make the two locked environments (.venv, clients/.venv)
	@$(PY) -m compileall -q src

$(STAMP): uv.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Datong needs Python 3.11 or newer as python3."; exit 1; }
	@test -x $(UV) || { python3 -m venv .venv && .venv/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION); }
	@$(UV) sync -q --locked --inexact --extra privacy --extra odrl --extra guomi --compile-bytecode --python .venv/bin/python
	@touch $@

$(CLIENTS): $(STAMP) clients/uv.lock clients/pyproject.toml
	@VIRTUAL_ENV= $(UV) sync -q --locked --compile-bytecode --project clients --python .venv/bin/python
	@touch $@

demo: setup ## five nodes, the whole journey, consoles until Ctrl-C   (ONCE=1 REPORT=report.json PORT=8401 CRYPTO=guomi EDC=0.15.1)
	@$(PY) examples/city-mobility/demo.py $(if $(ONCE),--once) $(if $(CRYPTO),--crypto $(CRYPTO)) $(if $(EDC),--edc $(EDC)) $(if $(REPORT),--report $(REPORT)) $(if $(PORT),--port $(PORT))

demo-clean: ## forget the demonstration's state (.demo/)
	@rm -rf .demo

test: setup ## all tests
	@$(PY) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

test-matrix: setup ## the engine and harmonise suites on DuckDB 2, Spark and every database; the journey on SM2, SM3, SM4 and on PostgreSQL; the raw files of the domains
	@$(PY) tools/test_matrix.py

lint: $(STAMP) ## ruff, mypy strict, the plan of the house
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

docs: $(STAMP) ## write the reference pages that are made from the code
	@$(PY) tools/make_reference.py

domains: setup ## the five domains on their raw files (DATONG_DATA); writes bench/results/domains.json
	@$(PY) examples/domains/domains.py --write

bench: setup ## measure; writes bench/results/
	@$(PY) bench/run.py

bench-matching: setup ## the benchmark of matching, with its baselines   (ONLY=datong,pinyin)
	@VIRTUAL_ENV= $(UV) sync -q --locked --compile-bytecode --project bench/matching/env --python .venv/bin/python
	@$(PY) bench/matching/run.py $(if $(ONLY),--only $(ONLY))

bench-privacy: setup ## recoding on Adult and a million rows; ARX beside it where ARX_CLASSPATH names its build
	@$(PY) bench/privacy/run.py

conformance: setup ## the Dataspace TCK and a live EDC, where Maven, Java 17 and a Maven repository answer   (STRICT=1)
	@$(PY) conformance/conform.py

faults: setup ## kill every node in every link, before and after the commit, and at random moments
	@$(PY) -m pytest -q tests/faults --all-faults

psi: setup ## the environment of `datong psi` (envs/psi: spu, Python 3.11, about 1 GB)
	@VIRTUAL_ENV= $(UV) sync -q --locked --project envs/psi --python .venv/bin/python
