PYTHON ?= python

.PHONY: check lint test docs format

# Exactly what .ci/run runs once everything is installed.
check: lint test docs

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

test:
	pytest

docs:
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
