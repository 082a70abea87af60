# The commands of this repository; each calls one program. `make help` lists them.
PYTHON := .venv/bin/python
MANAGE := DEBUG=true $(PYTHON) manage.py
.DEFAULT_GOAL := help
.PHONY: help up doctor manage down test test-trixie check clean-var simulate chaos bench messages rights prompts calls contract clients translations pictures lock new-app bootstrap bootstrap-dev

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: bootstrap ## start everything: servers, sites, media units (SITES= MEDIA=janus|simulated|none PORT_BASE= UNITS= XMPP=1 SIP=1 CMU_CAPACITY_COMPOSITIONS=2 DETACH=1)
	@$(PYTHON) -m deploy.stand up

doctor: ## examine what `make up` started, and say what is wrong (SITE=east for one site)
	@$(PYTHON) -m deploy.stand doctor $(ARGS)

manage: ## run a command of manage.py at a site of `make up` (SITE=east COMMAND="doctor --json")
	@$(PYTHON) -m deploy.stand manage $(SITE) $(COMMAND)

down: ## stop what `make up` started
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m deploy.stand down

test: bootstrap-dev ## all tests on private servers, linters beside them (ARGS="-k name tests/unit", CHECK=0: no linters)
	@$(PYTHON) -m deploy.stand test $(ARGS)

test-trixie: ## the same on a fresh Debian 13 in a folder (root, debootstrap; FOLDER=/var/tmp/confplatform-trixie)
	@deploy/trixie.sh

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

prompts: ## speak the prompts for telephones anew (needs espeak-ng)
	@.venv/bin/python -m deploy.speak_prompts

rights: bootstrap ## write docs/rights.md from the table of rights
	@$(MANAGE) list_rights

calls: bootstrap-dev ## write docs/open-api-calls.md from the table of calls in tests/http
	@$(PYTHON) -m tests.http.calls_page

contract: bootstrap-dev ## requests made from the API's description, and whether the answers are as it says (ARGS="--seed 7")
	@$(PYTHON) -m tests.http.contract $(ARGS)

clients: bootstrap-dev ## a Python and a TypeScript client generated from the API's description hold a conference (needs npm)
	@$(PYTHON) -m tests.clients

pictures: bootstrap-dev ## the main pages of what `make up` runs, as docs/pictures/*.png
	@$(PYTHON) -m tests.pictures

translations: bootstrap ## gather what the pages say, merge it into locale/, compile (needs gettext)
	@$(PYTHON) -m deploy.translations

new-app: bootstrap-dev ## create the folders of an app and add it to all lists (NAME=moods)
	@$(PYTHON) -m deploy.new_app $(NAME)

lock: bootstrap-dev ## write requirements*.txt from requirements*.in, with hashes (ARGS=--upgrade for newer versions)
	@deploy/lock.sh $(ARGS)

bootstrap:
	@deploy/bootstrap.sh run

bootstrap-dev:
	@deploy/bootstrap.sh dev
