SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
TORCH_VERSION ?= 2.13.0
# Package index for torch; empty takes pip's own settings. See docs/operations.md for CPU and CUDA.
TORCH_INDEX_URL ?=
VENV := .venv
BIN := $(VENV)/bin

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: help protos

$(VENV)/installed: requirements/service.txt requirements/dev.txt
	@scripts/install-venv "$(PYTHON)" "$(VENV)" "$(TORCH_VERSION)" "$(TORCH_INDEX_URL)"
	@touch $@

protos: service/llm/v1/llm_pb2.py ## builds the protobuf code into service/llm (never committed)

service/llm/v1/llm_pb2.py: protos/llm/v1/llm.proto | $(VENV)/installed
	@$(BIN)/python -m grpc_tools.protoc -I protos --python_out=service --pyi_out=service --grpc_python_out=service llm/v1/llm.proto
