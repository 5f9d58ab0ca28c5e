#!/usr/bin/env bash
# Build the manylinux wheel and try it in a venv that has NumPy and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
rm -rf dist wheelhouse && mkdir -p dist wheelhouse
"$PYTHON" -m pip wheel -q --no-build-isolation --no-deps -Cbuild-dir=build/wheel -w dist .
PATH="$(dirname "$PYTHON"):$PATH" "$PYTHON" -m auditwheel repair -w wheelhouse dist/*.whl
ls -l wheelhouse
bare=$(mktemp -d)
trap 'rm -rf "$bare"' EXIT
"$PYTHON" tests/house/bare_model.py "$bare"
"$PYTHON" -m venv "$bare/venv"
"$bare/venv/bin/pip" install -q -c constraints.txt wheelhouse/*.whl
cp tests/house/bare.py "$bare"
cd "$bare"
venv/bin/pip list
venv/bin/python bare.py
