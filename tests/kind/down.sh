#!/usr/bin/env bash
# Deletes the cluster of the kind tests, and nothing else.
set -euo pipefail
# shellcheck source=tests/kind/common.sh
. "$(dirname "$0")/common.sh"
[ -z "${CARDIOSCAR_KUBECONFIG:-}" ] || { echo "kind: CARDIOSCAR_KUBECONFIG names a cluster that these scripts did not make: nothing is deleted" >&2; exit 2; }
need kind
kind delete cluster --name "$CLUSTER"
rm -f "$KUBECONFIG" "$BUILD/image"
