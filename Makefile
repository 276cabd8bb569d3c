# Everything is installed into $(VENV) from the lock files; Python 3.11 or later and make are all that is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS_VENV ?= $(VENV)-peers
PEERS_READY := $(PEERS_VENV)/.ready
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1
# Each process begins with half of the suite in order, as tests of a file share what they computed.
IN_PARALLEL := -n 2 --dist worksteal

.PHONY: help report test coverage parity lint bench bench-quick peers wheel lock clean

help:
	@echo "make report       reproduce both parts of the report on the embedded data, into report/ and report-part-2/"
	@echo "make test         run the test suite"
	@echo "make coverage     the suite with branch coverage of the engine"
	@echo "make parity       only the parity ladder and the gradient checks"
	@echo "make lint         ruff and mypy"
	@echo "make bench        measure everything and print one table"
	@echo "make bench-quick  run every benchmark once, keep nothing"
	@echo "make peers        compare with JAX, PyTorch, scikit-learn and FANN, into peers/"
	@echo "make wheel        build the wheel, install it into a new environment, and run it"
	@echo "make lock         resolve requirements/*.lock anew"

$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

report: $(READY)
	$(BIN)/samplewise report --out report --force
	$(BIN)/samplewise report --part 2 --out report-part-2 --force

test: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest $(IN_PARALLEL)

coverage: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report=term

parity: $(READY)
	$(ONE_THREAD) $(BIN)/python -m pytest tests/parity tests/test_gradients.py tests/test_worked_step.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# asv describes the machine in $HOME; its own keeps that, and everything else, inside the checkout.
ASV := GIT_CONFIG_GLOBAL="$$HOME/.gitconfig" HOME="$(CURDIR)/.asv" $(BIN)/asv

bench: $(READY)
	@mkdir -p .asv
	$(ASV) machine --yes > .asv/machine.log
	$(ASV) run --python=same --set-commit-hash "$$(git rev-parse HEAD)" --show-stderr
	$(BIN)/python -m pytest tests/perf --benchmark-only --benchmark-json=.asv/pytest-benchmark.json
	$(BIN)/python -m samplewise_bench.asv_table

bench-quick: $(READY)
	@mkdir -p .asv
	$(ASV) machine --yes > .asv/machine.log
	$(ASV) check --python=same
	SAMPLEWISE_BENCH_ROUNDS=1 $(ASV) run --python=same --quick --dry-run --show-stderr
	$(BIN)/python -m pytest tests/perf -o addopts="--strict-markers --strict-config -ra" --benchmark-disable

# The peers stay out of $(VENV), which is what the lock file says. libfann is the system's.
$(PEERS_READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	$(PEERS_VENV)/bin/python -m pip install --quiet --no-build-isolation --editable '.[peers]'
	@touch $@

peers: $(PEERS_READY)
	$(PEERS_VENV)/bin/samplewise bench --peers --out peers --force

wheel: $(READY)
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(PYTHON) -m venv --clear build/wheel/env
	build/wheel/env/bin/python -m pip install --quiet --require-hashes -r requirements/runtime.lock
	build/wheel/env/bin/python -m pip install --quiet --no-deps build/wheel/*.whl
	cd build/wheel && env/bin/samplewise report --repeats 1 --backend vectorized --force

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --upgrade -o requirements/runtime.lock
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --upgrade --extra dev -c requirements/runtime.lock -o requirements/dev.lock

clean:
	rm -rf $(VENV) $(PEERS_VENV) peers scaling .asv .benchmarks .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist report report-part-2 run
