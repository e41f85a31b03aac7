#!/usr/bin/env bash
# Prepares a cluster for the tests of this folder: Kubeflow Pipelines, a node that claims to have a GPU, the chart.
# Makes a kind cluster with the images of this commit, or takes the one that a kubeconfig names. Can be run again.
#   CARDIOSCAR_KUBECONFIG=FILE     a cluster that is there; then also
#   CARDIOSCAR_IMAGE=REFERENCE     stage image that its nodes can pull or hold, with a tag ({target} becomes cpu)
#   CARDIOSCAR_MLFLOW_IMAGE=…      MLflow image, likewise
#   CARDIOSCAR_NAMESPACE, CARDIOSCAR_RELEASE, CARDIOSCAR_STORE   where they are not those of versions.env and values.yaml
#   KFP_MANIFESTS=FOLDER  a checkout's manifests/kustomize, instead of the tag on GitHub
#   KFP_REMOTES=FOLDER    checkouts of the repositories that those manifests name (argo-workflows), at the tags named
#   KFP_IMAGES="A B …"    images to load into kind's nodes before, where these cannot pull
#   NODE_IMAGE=…          another node image of kind
set -euo pipefail
given_node_image=${NODE_IMAGE:-}
# shellcheck source=tests/kind/common.sh
. "$(dirname "$0")/common.sh"
NODE_IMAGE=${given_node_image:-$NODE_IMAGE}
given=${CARDIOSCAR_KUBECONFIG:-}
if [ -n "$given" ]; then need kubectl helm git python3; else need docker kind kubectl helm git python3; fi
mkdir -p "$BUILD"
finish() {
    local code=$?
    [ "$code" = 0 ] || { echo "kind: up.sh failed" >&2; bash "$HERE/dump.sh" || true; }
    exit "$code"
}
trap finish EXIT

if [ -n "$given" ]; then
    [ -n "${CARDIOSCAR_IMAGE:-}" ] && [ -n "${CARDIOSCAR_MLFLOW_IMAGE:-}" ] || {
        echo "kind: CARDIOSCAR_IMAGE and CARDIOSCAR_MLFLOW_IMAGE: expected the images of this cluster, found none" >&2; exit 2; }
    stage=${CARDIOSCAR_IMAGE//\{target\}/cpu} mlflow=$CARDIOSCAR_MLFLOW_IMAGE pull=IfNotPresent
else
    stage=cardioscar:$TAG-cpu mlflow=cardioscar-mlflow:$TAG pull=Never
    kind version | grep -qF "$KIND_VERSION " || echo "kind: pinned to $KIND_VERSION, found: $(kind version)" >&2
    say "cluster $CLUSTER"
    if kind get clusters 2>/dev/null | grep -qx "$CLUSTER"; then
        kind export kubeconfig --name "$CLUSTER"
    else
        kind create cluster --name "$CLUSTER" --config "$HERE/cluster.yaml" --image "$NODE_IMAGE" --wait 180s
    fi
    # everything but GPU work runs on the first node
    kubectl taint nodes "$CLUSTER-control-plane" node-role.kubernetes.io/control-plane:NoSchedule- 2>/dev/null || true
fi

gpu_node=$(kubectl get nodes --selector nvidia.com/gpu.present=true --output 'jsonpath={.items[0].metadata.name}')
[ -n "$gpu_node" ] || { echo "kind: no node has the label nvidia.com/gpu.present=true: kubectl label node NAME nvidia.com/gpu.present=true" >&2; exit 1; }
nodes=$(kubectl get nodes --output name | wc -l)
# with one node there is no other for the rest
[ "$nodes" -lt 2 ] || kubectl taint nodes "$gpu_node" nvidia.com/gpu=present:NoSchedule --overwrite
offered() { kubectl get node "$gpu_node" --output 'jsonpath={.status.allocatable.nvidia\.com/gpu}'; }
gpus=$(offered)
if [ "${gpus:-0}" = 0 ]; then
    say "a GPU that is none, on $gpu_node"
    kubectl patch node "$gpu_node" --subresource=status --type=json --patch '[
      {"op": "add", "path": "/status/capacity/nvidia.com~1gpu", "value": "1"},
      {"op": "add", "path": "/status/allocatable/nvidia.com~1gpu", "value": "1"}]'
    for _ in $(seq 30); do
        gpus=$(offered)
        [ "${gpus:-0}" != 0 ] && break
        sleep 2
    done
fi
[ "${gpus:-0}" != 0 ] || { echo "kind: $gpu_node offers no GPU" >&2; exit 1; }

if [ -z "$given" ]; then
    say "images $TAG"
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/pyproject.toml" | head -1)
    docker tag "cardioscar:$version-cpu" "$stage"
    docker tag "cardioscar-mlflow:$version" "$mlflow"
    kind load docker-image --name "$CLUSTER" "$stage" "$mlflow"
    for image in ${KFP_IMAGES:-}; do kind load docker-image --name "$CLUSTER" "$image"; done
fi

wanted="seaweedfs workflow-controller ml-pipeline ml-pipeline-persistenceagent ml-pipeline-scheduledworkflow"
if [ -n "$given" ] && k get deployment ml-pipeline >/dev/null 2>&1; then
    say "Kubeflow Pipelines is there"
    wanted=ml-pipeline
else
    say "Kubeflow Pipelines $KFP_VERSION"
    [ -z "${KFP_MANIFESTS:-}" ] ||
        python3 "$HERE/offline.py" "$KFP_MANIFESTS" "$BUILD/manifests" ${KFP_REMOTES:+--remotes "$KFP_REMOTES"}
    manifest() {
        if [ -n "${KFP_MANIFESTS:-}" ]; then echo "$BUILD/manifests/kustomize/$1"; else
            echo "github.com/kubeflow/pipelines/manifests/kustomize/$1?ref=$KFP_VERSION"
        fi
    }
    apply() { # large definitions do not fit into the annotation of a client-side apply
        kubectl apply --kustomize "$(manifest "$1")" || kubectl apply --server-side --force-conflicts --kustomize "$(manifest "$1")"
    }
    apply cluster-scoped-resources
    kubectl wait --for=condition=established --timeout=120s customresourcedefinition --all
    apply env/platform-agnostic
fi
for deployment in $wanted; do
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
settings="images.pullPolicy=$pull"
for one in "stage=$stage" "train=$stage" "mlflow=$mlflow"; do
    settings="$settings,images.${one%%=*}.repository=${one#*=}"
    settings="${settings%:*},images.${one%%=*}.tag=${one##*:}"
done
settings="$settings,kubeflow.apiUrl=http://ml-pipeline.$NAMESPACE.svc.cluster.local:8888"
settings="$settings,objectStore.endpoint=${CARDIOSCAR_STORE:-http://seaweedfs.$NAMESPACE.svc.cluster.local:8333}"
[ -z "$given" ] || settings="$settings,database.sqlite.storageClassName=${CARDIOSCAR_STORAGE_CLASS:-}"
helm upgrade --install "$RELEASE" "$ROOT/charts/cardioscar" --namespace "$NAMESPACE" --values "$HERE/values.yaml" \
    --set-string "$settings" --wait --timeout 15m
echo "$stage" >"$BUILD/image"
say "ready: make kind-test"
