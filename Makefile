# make demo: install and run the demonstration.  make test: install and run all checks.

PYTHON ?= python3
PIP := .venv/bin/pip --quiet --disable-pip-version-check install --constraint constraints.txt

.PHONY: demo test format

demo: .venv/.run
	.venv/bin/horizon demo

test: .venv/.dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/pytest

format: .venv/.dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

.venv/.run: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/.dev: .venv/.run
	$(PIP) --editable '.[dev]'
	touch $@
