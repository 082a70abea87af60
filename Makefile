# The commands of this repository; each calls one program. `make help` lists them.
PYTHON := .venv/bin/python
MANAGE := $(PYTHON) manage.py
.DEFAULT_GOAL := help
.PHONY: help up down test check clean-var simulate chaos bench messages bootstrap bootstrap-dev

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: bootstrap ## start everything: servers, sites, media units (SITES= MEDIA=janus|simulated|none PORT_BASE= UNITS= DETACH=1)
	@$(PYTHON) -m deploy.stand up

down: ## stop what `make up` started
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m deploy.stand down

test: bootstrap-dev ## linters, then all tests on private servers (ARGS="-k name tests/unit", CHECK=0 leaves out the linters)
	@$(PYTHON) -m deploy.stand test $(ARGS)

check: bootstrap-dev ## linters, types, layers
	@$(PYTHON) -m deploy.stand check

clean-var: ## forget all data of `make up`
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m deploy.stand clean

simulate: bootstrap-dev ## the pure core against faults, by seeds (ARGS="--seed 7")
	@$(PYTHON) -m tests.simulation $(ARGS)

chaos: bootstrap-dev ## faults against real processes; prints its table
	@$(PYTHON) -m tests.chaos $(ARGS)

bench: bootstrap-dev ## all benchmarks; prints tables, writes JSON
	@$(PYTHON) -m benchmarks $(ARGS)

messages: bootstrap ## write docs/messages.md from the code
	@$(MANAGE) list_messages

bootstrap:
	@deploy/bootstrap.sh run

bootstrap-dev:
	@deploy/bootstrap.sh dev
