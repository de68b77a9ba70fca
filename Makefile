# make demo   install, then run the whole chain on real images
# make demo-synthetic   the same on rendered circuit boards: registration, panels, weighting mask
# make bench-alignment   true poses, speed, listing, false calls with and without: build/alignment.json
# make bench  what measuring an image costs, stage by stage, and how it grows: build/bench.json
# make bench-roads   the fast road to candidates against the exact one, on both demos (half an hour)
# make bench-copy-through   how much of a defect the reconstruction copies: build/copy-through.json
# make month  thirty nights with a bad one, a drift and a rollback; overhead an image: build/month.json
# make stack  a whole plant on this machine without containers: PostgreSQL, Prefect, worker, Dask, S3
# make stack-test   the same, used from end to end by tests
# make faults   kill, fill, stall and poison real runs: build/faults.json; and other tests that take long
# make test   install, then run every test but those of make faults
# make check  what a commit must pass: lint, format, types, layers, unit tests

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed

.PHONY: demo demo-synthetic month stack stack-test faults bench bench-roads bench-alignment bench-copy-through test check lint format clean

demo: $(INSTALLED)
	$(BIN)/zeroescape demo --json build/demo.json

BOARDS := build/pcba-synthetic/images

demo-synthetic: $(INSTALLED)
	test -f $(BOARDS)/manifest.csv || $(BIN)/zeroescape synthesize $(BOARDS) \
		--normal 420 --abnormal 150 --side-px 512 --chip-px 26 --density 0.8 \
		--shift-px 6 --rotation-deg 1 --boards-per-panel 2
	$(BIN)/zeroescape retrain configs/pcba-synthetic.yaml --json build/pcba-synthetic.json

# One section alone: $(BIN)/python -m tests.benchmarks.alignment --json build/alignment.json --only truth
bench-alignment: demo-synthetic
	$(BIN)/python -m tests.benchmarks.alignment --json build/alignment.json

# One process, one thread: what a worker has.
PINNED := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=1073741824 \
	MALLOC_MMAP_THRESHOLD_=33554432

# One section alone: $(PINNED) $(BIN)/python -m tests.benchmarks.measuring --json build/bench.json --only exact
bench: demo
	$(PINNED) $(BIN)/python -m tests.benchmarks.measuring --json build/bench.json \
		--only speed,growth,distances,exact,workers

bench-roads: demo demo-synthetic
	$(BIN)/python -m tests.benchmarks.measuring --json build/bench.json --only roads-synthetic,roads-cells

# Hours on a CPU, minutes on a GPU. On a machine with torch, pydantic and OpenCV alone: `measure` for the
# second half, on the file that `render` left.
bench-copy-through: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.copy_through --boards build/copy-through.npz \
		--json build/copy-through.json --perception efficientnet_lite0

# Goes on where it was interrupted; anew after `rm -r build/month`.
# One section alone: $(BIN)/python -m tests.month --json build/month.json --only overhead
month: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.month --json build/month.json

# Real PostgreSQL (Debian: postgresql-15); all on loopback, logs in build/stack/logs, Ctrl-C stops all.
stack: $(INSTALLED)
	$(BIN)/python -m infra.stack --folder build/stack

stack-test: $(INSTALLED)
	$(BIN)/pytest -m slow tests/infra

# Needs root (to mount a small disk), a C compiler and PostgreSQL; what cannot be done is skipped and said.
faults: $(INSTALLED)
	rm -f build/faults.json
	$(BIN)/pytest -m faults

test: $(INSTALLED)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=25 -m "not faults"

check: lint
	$(BIN)/pytest -q -n 2 -m "not slow and not faults"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Plain pip, one environment; again only when the dependencies change.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[demo,dev]"
	touch $@

clean:
	rm -rf build
