# Sourced by the scripts of this folder: pins, paths, and the cluster that they work on.
#   CARDIOSCAR_KUBECONFIG=FILE  a cluster that is there; without it, a kind cluster with a kubeconfig of its own
# shellcheck shell=bash disable=SC2034
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
set -a
# shellcheck source=tests/kind/versions.env
. "$HERE/versions.env"
set +a
NAMESPACE=${CARDIOSCAR_NAMESPACE:-$NAMESPACE}
RELEASE=${CARDIOSCAR_RELEASE:-$RELEASE}
BUILD=${KIND_BUILD:-$ROOT/build/kind}
export KUBECONFIG=${CARDIOSCAR_KUBECONFIG:-$BUILD/kubeconfig}
TAG=$(git -C "$ROOT" rev-parse --short=12 HEAD)$(git -C "$ROOT" diff --quiet HEAD -- 2>/dev/null || echo -dirty)

say() { printf '\n== %s\n' "$*"; }

need() {
    local tool missing=0
    for tool in "$@"; do
        command -v "$tool" >/dev/null || { echo "kind: $tool is not installed" >&2; missing=1; }
    done
    [ "$missing" = 0 ] || exit 3
}

k() { kubectl --namespace "$NAMESPACE" "$@"; }
