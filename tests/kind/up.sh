#!/usr/bin/env bash
# Makes the cluster of the kind tests: kind, Kubeflow Pipelines, the images of this commit, the chart. Can be run again.
#   KFP_MANIFESTS=FOLDER  a checkout's manifests/kustomize, instead of the tag on GitHub
#   KFP_IMAGES="A B …"    images to load into the nodes before, where these cannot pull
#   NODE_IMAGE=…          another node image
set -euo pipefail
given_node_image=${NODE_IMAGE:-}
# shellcheck source=tests/kind/common.sh
. "$(dirname "$0")/common.sh"
NODE_IMAGE=${given_node_image:-$NODE_IMAGE}
need docker kind kubectl helm git
mkdir -p "$BUILD"
finish() {
    local code=$?
    [ "$code" = 0 ] || { echo "kind: up.sh failed" >&2; bash "$HERE/dump.sh" || true; }
    exit "$code"
}
trap finish EXIT

kind version | grep -qF "$KIND_VERSION " || echo "kind: pinned to $KIND_VERSION, found: $(kind version)" >&2

say "cluster $CLUSTER"
if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
    kind export kubeconfig --name "$CLUSTER"
else
    kind create cluster --name "$CLUSTER" --config "$HERE/cluster.yaml" --image "$NODE_IMAGE" --wait 180s
fi
# everything but GPU work runs on the first node
kubectl taint nodes "$CLUSTER-control-plane" node-role.kubernetes.io/control-plane:NoSchedule- 2>/dev/null || true
kubectl taint nodes "$GPU_NODE" nvidia.com/gpu=present:NoSchedule --overwrite

say "a GPU that is none, on $GPU_NODE"
kubectl patch node "$GPU_NODE" --subresource=status --type=json --patch '[
  {"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "1"},
  {"op": "add", "path": "/status/allocatable/nvidia.com~1gpu", "value": "1"}]'
for _ in $(seq 30); do
    gpus=$(kubectl get node "$GPU_NODE" --output 'jsonpath={.status.allocatable.nvidia\.com/gpu}')
    [ "$gpus" = 1 ] && break
    sleep 2
done
[ "$gpus" = 1 ] || { echo "kind: $GPU_NODE offers '$gpus' GPUs, expected 1" >&2; exit 1; }

say "images $TAG"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/pyproject.toml" | head -1)
docker tag "cardioscar:$version-cpu" "cardioscar:$TAG-cpu"
docker tag "cardioscar-mlflow:$version" "cardioscar-mlflow:$TAG"
kind load docker-image --name "$CLUSTER" "cardioscar:$TAG-cpu" "cardioscar-mlflow:$TAG"
for image in ${KFP_IMAGES:-}; do kind load docker-image --name "$CLUSTER" "$image"; done

say "Kubeflow Pipelines $KFP_VERSION"
manifest() {
    if [ -n "${KFP_MANIFESTS:-}" ]; then echo "$KFP_MANIFESTS/$1"; else
        echo "github.com/kubeflow/pipelines/manifests/kustomize/$1?ref=$KFP_VERSION"
    fi
}
apply() { # large definitions do not fit into the annotation of a client-side apply
    kubectl apply --kustomize "$(manifest "$1")" || kubectl apply --server-side --force-conflicts --kustomize "$(manifest "$1")"
}
apply cluster-scoped-resources
kubectl wait --for=condition=established --timeout=120s customresourcedefinition --all
apply env/platform-agnostic
for deployment in seaweedfs workflow-controller ml-pipeline ml-pipeline-persistenceagent ml-pipeline-scheduledworkflow; do
    k rollout status "deployment/$deployment" --timeout=15m
done

say "secrets of MLflow"
secret() { # name, user, keys: random values that never stand on a command line; a secret that is there stays
    k get secret "$1" >/dev/null 2>&1 && return
    local folder name=$1 user=$2 key
    shift 2
    folder=$(mktemp -d)
    printf %s "$user" >"$folder/username"
    for key in "$@"; do head -c 30 /dev/urandom | base64 | tr -d '\n+/=' >"$folder/$key"; done
    k create secret generic "$name" --from-file="$folder"
    rm -r "$folder"
}
secret cardioscar-mlflow-admin admin password flask-secret-key
secret cardioscar-mlflow stages password

say "chart"
helm upgrade --install "$RELEASE" "$ROOT/charts/cardioscar" --namespace "$NAMESPACE" --values "$HERE/values.yaml" \
    --set-string "images.stage.tag=$TAG-cpu,images.train.tag=$TAG-cpu,images.mlflow.tag=$TAG" --wait --timeout 15m
echo "$TAG" >"$BUILD/tag"
say "ready: make kind-test"
