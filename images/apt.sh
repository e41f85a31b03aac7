#!/bin/sh
# apt.sh DEBS PACKAGE…: install Debian packages from a folder of .deb files, or, where that is empty, from the mirror.
set -eu
debs=$1
shift
if ls "$debs"/*.deb >/dev/null 2>&1; then
  dpkg --install "$debs"/*.deb >/dev/null
else
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  rm -rf /var/lib/apt/lists/*
fi
rm -rf /var/cache/apt /var/cache/debconf/*-old /var/log/dpkg.log /var/log/apt /var/cache/ldconfig/aux-cache
