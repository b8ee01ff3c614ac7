# What a fresh machine needs: python3 >= 3.11 with venv, git, make. Everything else is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench fuzz clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/onemap demo --out out/demo

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# SIZE=S, M or L; peers that are not installed are skipped, and it says so
SIZE ?= S
bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks.union --size $(SIZE)
	$(BIN)/python -m benchmarks.tiles --size $(SIZE)
	$(BIN)/python -m benchmarks.update --size $(SIZE)
	$(BIN)/python -m benchmarks.sites --size $(SIZE)
	$(BIN)/python -m benchmarks.one_site --size $(SIZE)
	$(BIN)/python -m benchmarks.reading
	$(BIN)/python -m benchmarks.rules
	$(BIN)/python -m benchmarks.present
	$(BIN)/python -m benchmarks.city_map --size $(SIZE)

# K names the reader: survey_text, csv, vct or workspace
SECONDS ?= 600
K ?= survey_text
fuzz: $(VENV)/.installed
	ONEMAP_FUZZ_SECONDS=$(SECONDS) $(BIN)/python -m pytest -n0 -s tests/land/test_fuzz.py -k $(K)

clean:
	rm -rf out .venv
