#!/bin/sh
# venv.sh WHEELS LOCK BUILD: make /opt/venv, without pip, as small as it goes, byte-code compiled.
# Wheels come from a folder, or, where that is empty, from the package index (PIP_INDEX_URL, TORCH_INDEX) by the sha256 of
# LOCK; what comes as source is built with the setuptools of BUILD.
set -eu
wheels=$1 lock=$2 build=$3

python3 -m venv /opt/pip
python3 -m venv --without-pip /opt/venv
options="--disable-pip-version-check --no-cache-dir --quiet"
pip="/opt/pip/bin/pip --python /opt/venv/bin/python $options"
if ! ls "$wheels"/*.whl >/dev/null 2>&1; then
  wheels=/opt/wheels
  verified="--require-hashes --no-deps"
  /opt/pip/bin/pip install $options $verified --requirement "$build"
  /opt/pip/bin/pip wheel $options $verified --no-build-isolation --wheel-dir "$wheels" \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --requirement "$lock"
fi
# by name, not by file: the file's address would be recorded as the origin, and the bill of materials lose the index
names=$(basename -a "$wheels"/*.whl | sed -E 's/^([^-]+)-([^-]+)-.*/\1==\2/')
$pip install --no-index --find-links "$wheels" --no-deps --no-compile $names
[ "$wheels" = "$1" ] || rm -r "$wheels"
$pip check

cd /opt/venv/lib/python3*/site-packages
# What nothing loads at run time: C++ headers, test programs and tests (torch looks for torch_shm_manager when imported).
for package in torch pyarrow; do
  rm -rf "$package"/include "$package"/share "$package"/test "$package"/tests
  [ ! -d "$package" ] || find "$package" -name '*.a' -delete
done
[ ! -d torch/bin ] || find torch/bin -type f ! -name torch_shm_manager -delete
for package in matplotlib networkx pandas scipy skimage sklearn sympy; do
  [ ! -d "$package" ] || find "$package" -type d -name tests -prune -exec rm -rf {} +
done
# Symbols that only a debugger reads. Libraries that auditwheel has rewritten (*.libs) do not survive it, and stay.
if command -v strip >/dev/null; then
  for folder in torch/lib vtkmodules; do
    [ ! -d "$folder" ] || find "$folder" -name '*.so' -exec strip --strip-unneeded {} +
  done
fi
# Checked by nothing at import: the files never change, and their times differ between layers.
/opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash . || true
