#!/usr/bin/env bash
# Deletes the cluster of the kind tests, and nothing else.
set -euo pipefail
# shellcheck source=tests/kind/common.sh
. "$(dirname "$0")/common.sh"
need kind
kind delete cluster --name "$CLUSTER"
rm -f "$KUBECONFIG" "$BUILD/tag"
