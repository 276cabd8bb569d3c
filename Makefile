# Everything is installed from the lock files; Python 3.11 to 3.15 and make are all that is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS_VENV ?= $(VENV)-peers
PEERS_READY := $(PEERS_VENV)/.ready
PEERS_LOCK ?= requirements/peers.lock
JAX_VENV ?= $(VENV)-jax
JAX_READY := $(JAX_VENV)/.ready
DOCS_VENV ?= $(VENV)-docs
DOCS_READY := $(DOCS_VENV)/.ready
# Set, it puts the pip of pip.lock into each new environment first; otherwise the one that Python brings installs.
NEWER_PIP ?=
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Bytecode is kept whatever the environment says: else each process of the suite compiles all tests anew.
export PYTHONDONTWRITEBYTECODE :=
# Each process begins with half of the suite in order, as tests of a file share what they computed.
IN_PARALLEL := -n 2 --dist worksteal

.PHONY: help kernels report test coverage parity torture sklearn-suite lint bench bench-quick regressions asv-site peers jax docs wheel lock clean

help:
	@echo "make report       reproduce both parts of the report on the embedded data, into report/ and report-part-2/"
	@echo "make test         run the test suite"
	@echo "make coverage     the suite with branch coverage of the engine"
	@echo "make parity       only the parity ladder and the gradient checks"
	@echo "make torture      kill trainings and workers of sweeps, fit 1,000 times, compile at once in cold processes"
	@echo "make sklearn-suite  scikit-learn's own tests of its perceptron and of estimators, on ours"
	@echo "make lint         ruff and mypy"
	@echo "make bench        measure everything and print it"
	@echo "make bench-quick  run every benchmark once, keep nothing"
	@echo "make regressions BASE=main   time that commit and HEAD in turns; print what moved, fail where one is 1.2 times slower"
	@echo "make asv-site     the history of all that make bench measured, as pages in .asv/html"
	@echo "make peers        compare with JAX, PyTorch, scikit-learn and FANN, into peers/ (on Linux downloads 3 GB;"
	@echo "                  with PEERS_LOCK=requirements/peers-cpu.lock 0.3 GB, see requirements/README.md)"
	@echo "make jax          the backend of backends/samplewise_jax: its tests and its certificate, which takes long: XLA compiles"
	@echo "                  each of its networks (PEERS_LOCK as for peers)"
	@echo "make docs         build the guide and the gallery into site/, and check its links; no network once it is set up"
	@echo "make kernels      compile all kernels ahead, so that no start has to; LEVELS=x86-64-v3 for another processor"
	@echo "make wheel        build the wheel, install it into a new environment, check and run it"
	@echo "make lock         resolve requirements/*.lock anew"
	@echo "make clean        remove all that these made"
	@echo
	@echo "PYTHON=python3.12 chooses the Python, VENV=.venv the environment's folder; NEWER_PIP=yes installs with the pip of"
	@echo "requirements/pip.lock instead of the one that Python brings."

# $(call environment,FOLDER,LOCK,PROJECT) makes a new environment of exactly the lock and the project.
define environment
	$(PYTHON) -m venv --clear $(1)
	$(if $(NEWER_PIP),$(1)/bin/python requirements/install.py requirements/pip.lock)
	$(1)/bin/python requirements/install.py $(2) $(3)
endef

$(READY): requirements/dev.lock requirements/install.py pyproject.toml
	$(call environment,$(VENV),requirements/dev.lock,--editable .)
	@touch $@

# Without the project, whose bounds may no longer fit the old lock when `make lock` is called.
$(BIN)/uv:
	$(call environment,$(VENV),requirements/dev.lock)

report: $(READY)
	$(BIN)/samplewise report --out report --force
	$(BIN)/samplewise report --part 2 --out report-part-2 --force

# Edited sources of a kernel find nothing here, and are compiled as ever.
LEVELS ?=
kernels: $(READY)
	$(BIN)/python -m samplewise_backends.numba_cpu.build $(LEVELS:%=--level %)

test: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest $(IN_PARALLEL)

coverage: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report=term

parity: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest tests/parity tests/test_gradients.py tests/test_worked_step.py

torture: $(READY)
	$(ONE_THREAD) $(BIN)/python tests/training/crashes.py 1000
	$(ONE_THREAD) $(BIN)/python tests/sweep/kills.py 100
	$(ONE_THREAD) $(BIN)/python tests/estimators/endurance.py 1000 20

sklearn-suite: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest tests/estimators/test_sklearn_suite.py tests/estimators/every_check.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# asv describes the machine in $HOME; its own keeps that, and everything else, inside the checkout.
ASV := GIT_CONFIG_GLOBAL="$$HOME/.gitconfig" HOME="$(CURDIR)/.asv" $(BIN)/asv

ASV_MACHINE = mkdir -p .asv && $(ASV) machine --yes > .asv/machine.log

bench: $(READY)
	@$(ASV_MACHINE)
	$(ASV) run --python=same --set-commit-hash "$$(git rev-parse HEAD)" --show-stderr
	$(BIN)/python -m pytest tests/perf --benchmark-only --benchmark-json=.asv/pytest-benchmark.json
	$(ASV) show "$$(git rev-parse HEAD)"

bench-quick: $(READY)
	@$(ASV_MACHINE)
	$(ASV) check --python=same
	SAMPLEWISE_BENCH_ROUNDS=1 $(ASV) run --python=same --quick --dry-run --show-stderr
	$(BIN)/python -m pytest tests/perf -o addopts="--strict-markers --strict-config -ra" --benchmark-disable

# Of the suite, only what is timed: asv has no samples of a tracked figure to tell a change from noise.
BENCH ?= bench_clocks
regressions: $(READY)
	@test -n "$(BASE)" || { echo "regressions: BASE must name a commit, as in make regressions BASE=main"; exit 2; }
	@$(ASV_MACHINE)
	@echo "timing $(BASE) and HEAD in turns; .asv/regressions.log has the progress"
	@$(ASV) continuous --interleave-rounds --factor 1.2 --show-stderr \
	  --bench '(?=.*($(BENCH))).*\.(time|timeraw|peakmem)_' "$(BASE)" HEAD > .asv/regressions.log 2>&1; status=$$?; \
	  sed -n '/^| Change/,$$p; /^BENCHMARKS NOT/p' .asv/regressions.log; \
	  grep -q '^SOME BENCHMARKS\|^BENCHMARKS NOT' .asv/regressions.log || tail -n 40 .asv/regressions.log; exit $$status

asv-site: $(READY)
	$(ASV) publish

# $(call with_jax,FOLDER) makes an environment with the backend beside the project, as a stranger's would be.
define with_jax
	$(call environment,$(1),$(PEERS_LOCK),--editable .)
	$(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable backends/samplewise_jax
endef

# The peers have an environment of their own: PyTorch is large. libfann is the system's.
$(PEERS_READY): $(PEERS_LOCK) requirements/install.py pyproject.toml backends/samplewise_jax/pyproject.toml
	$(call with_jax,$(PEERS_VENV))
	@touch $@

peers: $(PEERS_READY)
	$(PEERS_VENV)/bin/samplewise bench --peers --out peers --force

$(JAX_READY): $(PEERS_LOCK) requirements/install.py pyproject.toml backends/samplewise_jax/pyproject.toml
	$(call with_jax,$(JAX_VENV))
	@touch $@

jax: $(JAX_READY)
	cd backends/samplewise_jax && $(ONE_THREAD) $(abspath $(JAX_VENV))/bin/python -m pytest
	$(ONE_THREAD) $(JAX_VENV)/bin/samplewise check-backend jax

# The site has an environment of its own too: its tools serve nothing else.
$(DOCS_READY): requirements/docs.lock requirements/install.py pyproject.toml
	$(call environment,$(DOCS_VENV),requirements/docs.lock,--editable .)
	@touch $@

docs: $(DOCS_READY)
	$(ONE_THREAD) NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict

wheel: $(READY)
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(call environment,build/wheel/env,requirements/runtime.lock,build/wheel/*.whl)
	cd build/wheel && env/bin/python ../../requirements/check_wheel.py
	cd build/wheel && env/bin/samplewise report --repeats 1 --backend vectorized --force

# A pre-release is the newest that fits now and then, and no one asked for it. torch's CPU build needs none of the
# packages that only Linux has in peers.lock; torch-cpu.txt names it in torch's place.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
  --prerelease disallow --upgrade

lock: | $(BIN)/uv
	$(BIN)/$(COMPILE) pyproject.toml -o requirements/runtime.lock
	$(BIN)/$(COMPILE) pyproject.toml --extra dev -c requirements/runtime.lock -o requirements/dev.lock
	$(BIN)/$(COMPILE) pyproject.toml --extra dev --extra peers -c requirements/runtime.lock -o requirements/peers.lock
	$(BIN)/$(COMPILE) pyproject.toml --extra docs -c requirements/dev.lock -o requirements/docs.lock
	awk '/^[^ ]/ { kept = !/^torch==/ && !/sys_platform == .linux./ } kept' requirements/peers.lock \
	  | cat - requirements/torch-cpu.txt > requirements/peers-cpu.lock
	echo pip | $(BIN)/$(COMPILE) - -o requirements/pip.lock

clean:
	rm -rf $(VENV) $(PEERS_VENV) $(JAX_VENV) $(DOCS_VENV) site peers scaling .asv .benchmarks .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist report report-part-2 run backends/samplewise_backends/numba_cpu/prebuilt
