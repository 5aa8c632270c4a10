# The two commands of the README are `make demo` and `make test`; `make help` lists the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SERVICES := TEST_DATABASE_URL=$${TEST_DATABASE_URL:-postgres://postgres@127.0.0.1:5432/plumbline} TEST_REDIS_URL=$${TEST_REDIS_URL:-redis://127.0.0.1:6379/9}
# In how many processes the tests run; each takes work from the other when its own is done. `make test JOBS=4` for more.
JOBS ?= 2
PYTEST := $(BIN)/pytest -n $(JOBS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-services check lint format types imports deploy-check messages lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/run ## set up and run the site with its demonstration project on this machine
	@$(BIN)/python manage.py demo

test: .venv/dev ## set up and pass the tests (SQLite and a queue in a folder)
	@echo "Running the suite on SQLite ..."
	@$(PYTEST)

test-services: .venv/dev ## the same suite on PostgreSQL and Redis, but for training code and statistics, which know neither
	@echo "Running the suite on PostgreSQL and Redis ..."
	@$(SERVICES) $(PYTEST) --ignore-glob='tests/modeling/test_*.py' --ignore=tests/evaluation/statistics

check: lint types imports deploy-check test test-services ## all that CI runs

lint: .venv/dev ## what the linter and the formatter have to say
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: .venv/dev ## let the formatter and the linter mend what they can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: .venv/dev ## check the types
	@$(BIN)/mypy .

imports: .venv/dev ## check which room imports which
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

deploy-check: .venv/dev ## check production settings, migrations and the API's schema
	@HTTPS=true $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

messages: .venv/dev ## collect what is to be translated into locale/*.po, and compile it (needs gettext)
	@$(BIN)/django-admin makemessages --settings webapp.settings --pythonpath . --locale de --locale ar \
	  --ignore .venv --ignore var --ignore tests --add-location file --no-obsolete --no-wrap
	@$(BIN)/django-admin compilemessages --settings webapp.settings --pythonpath . --ignore .venv --ignore var

# Environments ------------------------------------------------------------------------------------------------------
# torch goes first and by its version alone: which build it is (CPU or CUDA) is the machine's own affair.

.venv/run: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Plumbline needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making the environment in .venv; torch comes first and takes some minutes ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 --constraint requirements.lock
	@echo "Installing the other packages of requirements.lock ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

.venv/dev: requirements-dev.lock .venv/run
	@echo "Installing the tools of requirements-dev.lock ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	@touch $@

lock: ## write both lock files anew from pyproject.toml
	@for group in run dev; do \
	  name=$$(test $$group = run && echo requirements.lock || echo requirements-dev.lock); \
	  echo "Resolving $$name ..."; rm -rf .venv-lock; $(PYTHON) -m venv .venv-lock; \
	  .venv-lock/bin/python -m pip install --quiet --upgrade pip; \
	  .venv-lock/bin/python -m pip install --quiet torch==2.13.0; \
	  .venv-lock/bin/python -m pip install --quiet --group $$group; \
	  { echo "# Written by 'make lock' from the group '$$group' of pyproject.toml. torch's build is the machine's own affair."; \
	    .venv-lock/bin/python -m pip freeze | grep -v '^nvidia-\|^triton\|^cuda-' | sed 's/^torch==.*/torch==2.13.0/'; } > $$name; \
	done; rm -rf .venv-lock

clean: ## remove the environment (the data under var/ stays)
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
