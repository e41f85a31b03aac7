# The whole system on a kind cluster: Kubeflow Pipelines, object store, MLflow, the chart. Needs Docker, kind, kubectl, helm.
.PHONY: kind-up kind-test kind-down

kind-up: images  ## make a kind cluster with Kubeflow Pipelines, the images and the chart
	bash tests/kind/up.sh

kind-test: $(VENV)/.test  ## runs on that cluster: results, MLflow, the GPU pod, a second run, retries
	KIND_REQUIRED=1 $(BIN)/python -m pytest tests/kind -m kind --verbose

kind-down:      ## delete that cluster
	bash tests/kind/down.sh
