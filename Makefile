# Fototeca from a clone: `make run` starts it, `make test` tests it, `make` lists the rest.
#
# Needs make, Python 3.11 or later, and a way to the package index the first time.
# Environments come from requirements/*.txt, where every file is pinned by its hash.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := install --require-hashes --only-binary :all:
# Of what tests use, Python compiles what it imports: the CDK whole takes half a minute.
AS_USED := --no-compile

# What was installed is known by a stamp whose name is a checksum of what it was installed from, so
# that nothing runs when all is current, whatever git did to the files' times. An environment holds
# absolute paths: in a clone that was moved, it is made anew.
BUILT_FROM := pyproject.toml $(wildcard hatch_build.py models/*.py models/*.json) \
  $(shell find web -type f -not -path "*/node_modules/*")
key = $(shell (printf '%s' '$(CURDIR)'; cat $(1)) | cksum | cut -d ' ' -f 1)
PLACE := $(VENV)/.stamps/place-$(call key,/dev/null)
RUNTIME := $(VENV)/.stamps/runtime-$(call key,requirements/build.txt requirements/runtime.txt)
PACKAGE := $(VENV)/.stamps/package-$(call key,requirements/build.txt requirements/runtime.txt $(BUILT_FROM))
TEST := $(VENV)/.stamps/test-$(call key,requirements/test.txt)
DEV := $(VENV)/.stamps/dev-$(call key,requirements/dev.txt)
AWS := $(VENV)/.stamps/aws-$(call key,requirements/aws.txt)
EMULATOR := $(VENV)/.stamps/emulator-$(call key,requirements/emulator.txt)

# Where `make run` keeps its photos; delete the folder to begin again.
export FOTOTECA_LIBRARY ?= $(CURDIR)/library

CHECKED := $(wildcard src tests models benchmarks deploy hatch_build.py web/*.py)

.PHONY: help
help: ## List what can be made
	@echo 'make run                start Fototeca on http://127.0.0.1:8400 with sample photos'
	@echo 'make run PHOTOS=DIR     the same with the photos of a folder'
	@echo 'make test               check the code and run every test'
	@echo 'make check              ruff, mypy, eslint and tsc alone'
	@echo 'make bench              measure, beside other programs'
	@echo "make screenshots        take README's pictures anew"
	@echo 'make wheel              build dist/*.whl and dist/*.tar.gz'
	@echo 'make lock               renew requirements/*.txt from pyproject.toml (UPGRADE=1: newest versions)'
	@echo 'make synth EMAIL=...    write the templates for AWS to build/aws/assembly; needs Node.js, no account'
	@echo 'make deploy EMAIL=...   put Fototeca on AWS: docs/deploying-aws.md has the options'
	@echo 'make destroy            take it away again; photos stay, and it says where'
	@echo 'make smoke-aws          try what is on AWS with a real photo: docs/aws-smoke.md'
	@echo 'make clean              remove what was built and the environment; photos stay'

.PHONY: run
run: $(PACKAGE)
	@if [ -n "$$PHOTOS" ]; then \
	  case $$PHOTOS in "~/"*) PHOTOS=$$HOME/$${PHOTOS#"~/"};; esac; \
	  exec $(BIN)/fototeca serve --import "$$PHOTOS"; \
	else \
	  exec $(BIN)/fototeca serve --sample; \
	fi

# What need not wait for each other, at the same time; `make check` has the lines of each together
# where make can (not the 3.81 of macOS).
SIDE_BY_SIDE := $(MAKE) --no-print-directory --silent -j3
TOGETHER := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: test
test:
	@$(SIDE_BY_SIDE) $(PACKAGE) tools $(EMULATOR)
	@failed=; \
	$(MAKE) --no-print-directory check || { failed=1; echo 'The code does not pass make check' >&2; }; \
	$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder || failed=1; \
	test -z "$$failed"

.PHONY: check
check:
	@$(SIDE_BY_SIDE) $(PACKAGE) tools
	@$(SIDE_BY_SIDE) $(TOGETHER) --keep-going check-python check-web

.PHONY: check-python
check-python:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CHECKED)

.PHONY: check-web
check-web:
	@$(BIN)/python -m web.check

# One after the other: they are installed into one environment, and share packages.
.PHONY: tools
tools: $(RUNTIME)
	@$(MAKE) --no-print-directory $(TEST)
	@$(MAKE) --no-print-directory $(AWS)

.PHONY: bench
bench: $(PACKAGE) $(DEV)
	@$(BIN)/python -m benchmarks

.PHONY: screenshots
screenshots: $(PACKAGE) $(TEST)
	@$(BIN)/python -m web.screenshots

.PHONY: wheel
wheel: $(PACKAGE)
	@$(BIN)/python -m hatchling build -d dist

# The CDK's library is a requirement; its command, which deploys what the library wrote, is npm's.
CDK := npx --yes aws-cdk@2.1148.1
CHOICES := EMAIL NOTIFY LABELLER DOMAIN CERTIFICATE SIGN_UP MFA ARCHIVE_TIERS LABEL_CONCURRENCY \
  RESERVED_CONCURRENCY PART_CONCURRENCY BUDGET PAM_ORIGINS IMPORT_BUCKETS STACK
# Those of the command line alone: an environment may have a DOMAIN of its own.
CHOSEN = $(foreach name,$(CHOICES),$(if $(filter command,$(origin $(name))),-c $(name)='$(subst ','\'',$($(name)))'))
# One that is misspelt would be left out unseen.
GIVEN = $(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(word))))
OTHERS = $(filter-out $(CHOICES) PYTHON,$(foreach name,$(GIVEN),\
  $(if $(filter command,$(origin $(name))),$(name))))
STACK := Fototeca
# The CDK runs in Node 20, too, but says in capitals that 22 is current.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.PHONY: synth
synth: $(PACKAGE) $(AWS)
	$(if $(strip $(OTHERS)),$(error no choice of a deployment: $(strip $(OTHERS))))
	@$(BIN)/python -m deploy.aws.app $(CHOSEN)

.PHONY: deploy
deploy: $(PACKAGE) $(AWS)
	@$(BIN)/python -m deploy.aws.account
	@$(MAKE) --no-print-directory synth
	@$(CDK) --app build/aws/assembly bootstrap
	@$(CDK) --app build/aws/assembly deploy --require-approval never $(STACK)
	@$(BIN)/python -m deploy.aws.publish --stack $(STACK)

.PHONY: destroy
destroy: $(PACKAGE) $(AWS)
	@$(BIN)/python -m deploy.aws.remove --stack $(STACK)

.PHONY: smoke-aws
smoke-aws: $(PACKAGE) $(AWS)
	@$(BIN)/python -m deploy.aws.smoke --stack $(STACK)

.PHONY: lock
UPGRADE :=
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)
lock: $(DEV)
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) --group build -c requirements/runtime.txt -o requirements/build.txt
	@$(COMPILE) pyproject.toml --group test -c requirements/runtime.txt -o requirements/test.txt
	@$(COMPILE) pyproject.toml --group dev -c requirements/test.txt -o requirements/dev.txt
	@$(COMPILE) --group node -o requirements/node.txt
	@$(COMPILE) --group aws -c requirements/test.txt -o requirements/aws.txt
	@$(COMPILE) pyproject.toml --group lambda -c requirements/runtime.txt -o requirements/lambda.txt
	@$(COMPILE) --group emulator -o requirements/emulator.txt

.PHONY: clean
clean:
	rm -rf $(VENV) dist build src/fototeca/labelling/model src/fototeca/web/built web/node_modules
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis
	find src tests models benchmarks deploy -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(PLACE):
	@python=; for candidate in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Fototeca needs Python 3.11 or later, and found none: install it, or say where: make PYTHON=/path/to/python3' >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "$$python cannot make environments: install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; \
	  exit 1; \
	fi; \
	echo "Making the environment $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@mkdir -p $(@D) && touch $@

$(RUNTIME): $(PLACE)
	@echo 'Installing what Fototeca needs (the first time takes about a minute)'
	@$(PIP) $(LOCKED) -r requirements/build.txt -r requirements/runtime.txt
	@rm -f $(VENV)/.stamps/runtime-* && touch $@

$(PACKAGE): $(RUNTIME)
	@echo 'Building the labelling model and the web application'
	@$(BIN)/python -c 'import sys; from web.build import find_npm; sys.exit(not find_npm())' \
	  || $(PIP) $(LOCKED) -r requirements/node.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.stamps/package-* && touch $@

$(TEST): $(RUNTIME)
	@echo 'Installing what the tests need'
	@$(PIP) $(LOCKED) $(AS_USED) -r requirements/test.txt
	@rm -f $(VENV)/.stamps/test-* && touch $@

$(DEV): $(RUNTIME)
	@echo 'Installing what development needs'
	@$(PIP) $(LOCKED) -r requirements/dev.txt
	@rm -f $(VENV)/.stamps/dev-* && touch $@

$(AWS): $(RUNTIME)
	@echo 'Installing what the stack on AWS needs'
	@$(PIP) $(LOCKED) $(AS_USED) -r requirements/aws.txt
	@rm -f $(VENV)/.stamps/aws-* && touch $@

$(EMULATOR): $(PLACE)
	@echo 'Installing the emulator of AWS, in an environment of its own'
	@$(BIN)/python -m venv --clear $(VENV)/emulator
	@$(VENV)/emulator/bin/python -m pip --disable-pip-version-check --quiet $(LOCKED) \
	  $(AS_USED) -r requirements/emulator.txt
	@rm -f $(VENV)/.stamps/emulator-* && touch $@
