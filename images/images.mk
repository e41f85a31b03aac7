# Images, and the tests against real servers. IMAGE_FLAGS= (empty) refuses a base that lock.yaml does not pin by digest.
IMAGE_FLAGS ?= --allow-local

.PHONY: images image-test image-lock lock sbom integration

images: $(VENV)/.test  ## build cardioscar:VERSION-cpu and cardioscar-mlflow:VERSION (needs Docker)
	$(BIN)/python -m images.build cpu mlflow $(IMAGE_FLAGS)

image-test: $(VENV)/.test  ## build the image with the tests, and run the fast ones in it
	$(BIN)/python -m images.build test $(IMAGE_FLAGS)
	docker run --rm --read-only --tmpfs /tmp --network none cardioscar:$$($(BIN)/python -c 'from images.build import version; print(version())')-test

image-lock: $(VENV)/.test  ## write the digests of the base images into images/lock.yaml (needs a registry)
	$(BIN)/python -m images.lock --update

lock: $(VENV)/.test  ## write the sha256 of all that images install into images/locks (needs the package index)
	$(BIN)/python -m images.locks

sbom: $(VENV)/.test  ## bill of materials of the image (CycloneDX), in build/sbom
	$(BIN)/python -m images.build sbom $(IMAGE_FLAGS)

integration: $(VENV)/.test  ## tests against real servers in containers: Ceph, PostgreSQL, MLflow, the stage image
	$(BIN)/python -m pytest tests/integration -m integration
