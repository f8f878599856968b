# `make help` lists what there is. Everything goes into .venv/, and is set up again only when requirements.txt or
# pyproject.toml change.

PYTHON ?= python3
LAB_FLAGS ?=
BENCH_FLAGS ?=
MINUTES ?= 10

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
READY := .venv/.ready
PEERS := .venv/.peers

# Threads that wait for each other sleep. By default they spin, which costs several times as long on a machine with other
# work to do. On Linux the package sees to it by itself (segnext_edu/machine.py), once it is imported.
export OMP_WAIT_POLICY := passive

# Two processes share out the test files, and the notebooks with them; each computes on one thread.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

.PHONY: help lab lab-course test test-quick fuzz refresh bench
.DELETE_ON_ERROR:

help: ## lists what make can do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | tr '|' '\t' | expand -t 20

lab: $(READY) ## sets everything up, and opens JupyterLab at the tour
	$(PY) -m tools.lab $(LAB_FLAGS)

lab-course: $(READY) ## the same for lecturers, with nbgrader's panels
	$(PY) -m tools.lab --course $(LAB_FLAGS)

test: $(READY) ## sets everything up, and runs every test, the notebooks included
	$(PY) -m ruff check .
	$(PY) -m pyright
	$(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout 300 \
	  -p tests.watch_notebooks notebooks tests

test-quick: $(READY) ## all but the slow tests and the notebooks, in 3 minutes on 2 cores: for a change of a few lines
	$(PY) -m ruff check .
	$(PYTEST) -m 'not slow' tests

fuzz: $(READY) ## the property tests with far more examples, then bad input by the thousand: make fuzz MINUTES=60
	$(PYTEST) -m hypothesis --hypothesis-profile=fuzz tests
	OMP_NUM_THREADS=1 $(PY) -m tests.fuzz --minutes $(MINUTES)

# For one of them: .venv/bin/python -m tools.notebooks refresh 03
refresh: $(READY) ## runs all notebooks again and stores them
	$(PY) -m tools.notebooks refresh

# Only this installs mmsegmentation. Here threads may spin: the machine should have nothing else to do.
bench: $(PEERS) ## our speed beside mmsegmentation's
	env -u OMP_WAIT_POLICY $(PY) -m tools.bench speed $(BENCH_FLAGS)
	$(PY) -m tools.bench figures

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.version_info >= (3, 11) or \
	  sys.exit("This needs Python 3.11 or newer, but $(PYTHON) is " + v + ". Try: make $(MAKECMDGOALS) PYTHON=python3.12")'
	@echo "Setting up .venv: PyTorch, JupyterLab and the tests. The first time this takes some minutes."
	@$(PYTHON) -m venv .venv
	@$(PIP) install -r requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(PEERS): $(READY)
	@$(PIP) install --editable '.[bench]'
	@touch $@
