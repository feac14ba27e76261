# Each target installs what it needs and can be run again. `make` alone lists them.
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
# Two processes that each take every core are slower than one after the other.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
NBVAL := --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout=300

.PHONY: help install book notebooks pdf chapter test test-lib test-site test-gpu bench bench-keep address
.PHONY: zip serve clean
.DEFAULT_GOAL := help

help:
	@echo "make book       execute every chapter, build the site, say where it is"
	@echo "make test       everything that CI runs"
	@echo "make test-lib   the library's tests, with coverage"
	@echo "make test-site  the built pages in a browser: every page, two widths, light and dark"
	@echo "make test-gpu   the library's tests on a CUDA device, if there is one"
	@echo "make notebooks  write the notebook twin of every executable chapter"
	@echo "make pdf        print the book; needs TeX, and says which packages are missing"
	@echo "make chapter FILE=book/foundations/ridge.md   run one chapter cell by cell, then its page alone"
	@echo "make bench      time the library beside what one would write without it (bench-keep: for the book)"
	@echo "make address REPO=owner/name                  change the repository's address everywhere"
	@echo "make zip        the site as one file for reading offline"
	@echo "make serve      show the built site at http://localhost:8000"
	@echo "make clean      remove what was built (not the environment)"

# torch goes first and alone, so that a build that is already at hand (CPU, CUDA) is kept.
$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed')"
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -qq --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	$(PY) -m pip install -qq --disable-pip-version-check -c constraints.txt -e ".[book,test]"
	touch $@

install: $(VENV)/.installed

book: install
	$(PY) book/_tools/build.py

notebooks: book
	$(PY) book/_tools/twins.py

# The pages first: they are executed, and the PDF must have their numbers.
pdf: book
	$(PY) book/_tools/pdf.py

chapter: install
	$(PY) book/_tools/build.py --only $(FILE) --html

# One run for all: the library and its examples, the book's tools, the built pages, the notebooks.
test: book
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	COLLAPSE_STATIC=1 $(PY) -m pytest tests/lib lib/collapse tests/book tests/site book/*/ \
	  --doctest-modules $(NBVAL) -n 2 --dist loadscope -rs

test-lib: install
	$(PY) -m pytest tests/lib lib/collapse --doctest-modules -m "not slow" -n 2 \
	  --cov=collapse --cov-report=term-missing:skip-covered --cov-fail-under=95

test-site: book
	$(PY) -m pytest tests/site -n 2 -rs

# Needs torch, numpy, scipy and pytest only: where there is no environment, the machine's own Python will do.
test-gpu: GPU_PY = $(if $(wildcard $(PY)),$(PY),$(PYTHON))
test-gpu:
	@if $(GPU_PY) -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; \
	then PYTHONPATH=lib $(GPU_PY) -m pytest tests/lib/test_gpu.py; \
	else echo "No CUDA device on this machine: the GPU tests were skipped."; fi

bench: install
	$(PY) tests/benchmarks/run.py

bench-keep: install
	$(PY) tests/benchmarks/run.py --keep

address: install
	$(PY) book/_tools/address.py $(REPO)

zip: book
	$(PY) book/_tools/offline.py

serve: book
	$(PY) -m http.server --directory _build/html 8000

clean:
	rm -rf _build build dist lib/*.egg-info .coverage .pytest_cache .ruff_cache .hypothesis
