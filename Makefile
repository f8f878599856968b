# make lab    sets everything up and opens JupyterLab at the tour
# make test   sets everything up and runs every test, the notebooks included
# Everything goes into .venv/, and is set up again only when requirements.txt or pyproject.toml change.

PYTHON ?= python3
LAB_FLAGS ?=
BENCH_FLAGS ?=

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
READY := .venv/.ready
PEERS := .venv/.peers

# Threads that wait for each other sleep. By default they spin, which costs several times as long on a machine with other
# work to do. What the package computes sees to it by itself (segnext_edu/waiting.py); loops written in notebooks do not.
export OMP_WAIT_POLICY := passive

.PHONY: lab test refresh bench
.DELETE_ON_ERROR:

lab: $(READY)
	$(PY) -m jupyter lab --LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb $(QUIET) $(ALLOW_ROOT) $(LAB_FLAGS)

# It need not ask the network for a newer JupyterLab.
QUIET := --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate

# JupyterLab refuses to run as root unless told; in a container one often is.
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

# The notebooks' numbers are the CPU's, so the GPU is hidden from them here. In JupyterLab they use it.
test: $(READY)
	$(PY) -m ruff check .
	$(PY) -m pyright
	$(PY) -m pytest
	CUDA_VISIBLE_DEVICES= $(PY) -m pytest --nbval --nbval-current-env -p tests.watch_notebooks notebooks

# Run all notebooks again and store them; for one of them: .venv/bin/python -m segnext_edu.notebooks refresh 03
refresh: $(READY)
	$(PY) -m segnext_edu.notebooks refresh

# Our speed beside mmsegmentation's, which only this installs. Here threads may spin: the machine should have nothing else to do.
bench: $(PEERS)
	env -u OMP_WAIT_POLICY $(PY) -m segnext_edu bench $(BENCH_FLAGS)
	$(PY) -m segnext_edu.explorers.bench

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
