#!/usr/bin/env bash
# Writes what one needs after a failure to build/kind/dump: workflows, pods, events, logs. Secrets are left out.
set -uo pipefail
# shellcheck source=tests/kind/common.sh
. "$(dirname "$0")/common.sh"
need kubectl
OUT=$BUILD/dump/$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$OUT/logs"
kubectl get nodes --output yaml >"$OUT/nodes.yaml" 2>&1
k get workflows --output yaml >"$OUT/workflows.yaml" 2>&1
k get pods --output wide >"$OUT/pods.txt" 2>&1
k describe pods >"$OUT/pods-described.txt" 2>&1
k get deployments,jobs,services,networkpolicies,configmaps --output yaml >"$OUT/resources.yaml" 2>&1
kubectl get events --all-namespaces --sort-by=.lastTimestamp >"$OUT/events.txt" 2>&1
for pod in $(k get pods --output name); do
    k logs "$pod" --all-containers --prefix --tail=2000 >"$OUT/logs/${pod#pod/}.txt" 2>&1
done
echo "kind: state written to ${OUT#"$ROOT"/}"
