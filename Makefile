# make demo: set up, and run the Kubeflow pipeline on a phantom cohort.   make test: set up, and run every test.
PYTHON ?= python3
VENV   := .venv
# byte-code of our own files is kept between the hundreds of processes that tests start
export PYTHONDONTWRITEBYTECODE :=
BIN    := $(VENV)/bin
DEMO   := demo
# what writes files that are kept; `make lint` checks each that `make golden` writes
WRITERS := pipelines.compile components.readme pipelines.readme charts.readme docs.subject_settings docs.house_map docs.metrics_page
WRITERS += docs.commands_page docs.components_page docs.files_page docs.formulas_page docs.settings_page docs.sources_page
.DEFAULT_GOAL := help
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# what `make shapes` runs: the quick tests of rooms whose signatures state shapes
SHAPED := tests/metrics tests/learning tests/imaging/alignment tests/scar3d/channels tests/scar3d/quality \
	$(addprefix tests/scar3d/posterior/test_,base_rate.py intervals.py matern.py projection.py residual_process.py)
.PHONY: help demo demo-s3 test fast shapes lint format golden docs component bench clean

include images/images.mk tests/kind/kind.mk

help:           ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 13

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	@echo "installing pinned dependencies into $(VENV) (some minutes the first time)"
	$(PIP) "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(PIP) --editable ".[kfp,laptop]"
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) --editable ".[kfp,laptop,dev,docs]"
	# a test compares with it; what it requires besides (timm, and by it torchvision) is not used
	$(PIP) --no-deps "$$(grep '^dynamic-network-architectures==' constraints.txt)"
	@touch $@

demo: $(VENV)/.demo  ## phantom cohort (four subjects, one corrupt) through the Kubeflow pipeline, on this machine
	@rm -rf $(DEMO)
	$(BIN)/cardioscar phantom $(DEMO)/cohort --subjects 4 --corrupt 1 --nodes 30000
	$(BIN)/python -m pipelines.reconstruct_cohort.local $(DEMO)/cohort --output $(DEMO)/run \
		--shard-size 2 --max-failed-fraction 0.25

demo-s3: $(VENV)/.test  ## the same with cohort and results in an object store (SeaweedFS, as Kubeflow ships it)
	@rm -rf $(DEMO)
	$(BIN)/cardioscar phantom $(DEMO)/cohort --subjects 4 --corrupt 1 --nodes 30000
	$(BIN)/python -m pipelines.local_store --copy $(DEMO)/cohort s3://demo/cohort \
		--fetch s3://demo/results $(DEMO)/run/results -- \
		$(BIN)/python -m pipelines.reconstruct_cohort.local s3://demo/cohort --output $(DEMO)/run \
		--results s3://demo/results --shard-size 2 --max-failed-fraction 0.25

test: $(VENV)/.test  ## the whole test suite
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

fast: $(VENV)/.test  ## the tests that take less than ten seconds
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not slow"

shapes: $(VENV)/.test  ## every call of the science checked against its annotations (jaxtyping, beartype) while tests run
	$(BIN)/python -m pytest -p tests.shape_checks -m \
		"not slow and not real and not outside_annotations" $(SHAPED)

lint: $(VENV)/.test  ## formatting, lint, types, import contracts, every file that make golden writes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	set -e; for writer in $(WRITERS) images.locks; do $(BIN)/python -m $$writer --check; done

format: $(VENV)/.test  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(VENV)/.test  ## rewrite compiled pipelines and whatever else is generated
	set -e; for writer in $(WRITERS); do $(BIN)/python -m $$writer; done

docs: $(VENV)/.test  ## the documentation as a site in build/docs (warnings fail; links to other sites are listed beside it)
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --builder html -c docs/site . build/docs
	@echo "build/docs/index.html"

component: $(VENV)/.test  ## files of a new component: NAME=stage CATEGORY=training [WORKFLOW=module:OBJECT]
	$(BIN)/python -m components.scaffold $(NAME) $(CATEGORY) $(if $(WORKFLOW),--workflow $(WORKFLOW))

bench: $(VENV)/.test  ## benchmarks: mapping of pixels, reconstruction methods, fits together, registry, cohort of 20
	$(BIN)/python benchmarks/grouping.py
	$(BIN)/python -m benchmarks.reconstruction --nodes 6000 --cases oblique patchy --reference-seconds 10
	$(BIN)/python benchmarks/batched_fit.py --nodes 10000 30000 --steps 20
	$(BIN)/python benchmarks/startup.py --repeats 1
	$(BIN)/python benchmarks/registry.py --plan 1:20 4:80 --look-ups 5
	$(BIN)/python benchmarks/cohort.py --subjects 20
	$(BIN)/python -m benchmarks.late_activation --steps 20 --training 200 --unseen 20

clean:          ## remove what make made
	rm -rf $(VENV) $(DEMO) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
