PYTHON ?= python

.PHONY: check lint rules layout test docs format dist fuzz

# Exactly what .ci/run runs once everything is installed; the tests with the long ones.
check: lint test docs

# What is quick; .pre-commit-config.yaml has the same targets.
lint: rules layout

rules:
	$(PYTHON) -m ruff check .

layout:
	$(PYTHON) -m ruff format --check .

test:
	pytest --slow

docs:
	$(PYTHON) -m sphinx -W --keep-going -q -b html docs docs/_build/html

# Wheel and source distribution in dist/, checked as docs/releasing.md says.
dist:
	$(PYTHON) packaging/check_dist.py

format:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Damaged files and replies on every reader, five minutes; other inputs with SEED=2.
SEED ?= 1
fuzz:
	$(PYTHON) benchmarks/fuzz.py --seed $(SEED)
