#!/usr/bin/env bash
# Tries to provide a Docker engine for the integration tests, as root on Debian. Does nothing where there is one, never
# fails, and says in one line what it did.
docker=/usr/bin/docker
[ -x "$docker" ] || docker=$(command -v docker || true)

up() { [ -n "$docker" ] && "$docker" info >/dev/null 2>&1; }
say() { echo "engine: $*"; exit 0; }

up && say "running"
[ "$(id -u)" = 0 ] || say "none, and not root: start a Docker engine to run the integration tests"
command -v apt-get >/dev/null || say "none, and no apt-get: start a Docker engine to run the integration tests"
if ! [ -x /usr/sbin/dockerd ] || ! command -v debootstrap >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io debootstrap
  } >/dev/null 2>&1 || say "none: docker.io and debootstrap cannot be installed here"
fi
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null 2>&1 || true
fi
docker=/usr/bin/docker
up && say "running"
log=${TMPDIR:-/tmp}/dockerd.log
setsid nohup dockerd >"$log" 2>&1 </dev/null &
for _ in $(seq 60); do
  up && say "dockerd started"
  sleep 0.5
done
say "none: dockerd does not start here: $(grep -m1 -oE 'failed to start daemon: .*' "$log" | cut -c1-200)"
