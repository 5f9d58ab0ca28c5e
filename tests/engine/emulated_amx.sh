#!/bin/bash
# Builds the engine with AMX tiles in plain C++ and tests its kernels and the engine's cases on them: what no CPU here
# may have is tested all the same. Needs the development venv (PYTHON=path overrides).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
build=$root/build/emulated-amx
site=$("$python" -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])')

cmake=$(command -v "$(dirname "$python")/cmake" || command -v cmake)
"$cmake" -S "$root" -B "$build" -G Ninja -DSKBUILD=ON -DCMAKE_BUILD_TYPE=Release -DAPUS_EMULATED_AMX=ON \
  -DPython_EXECUTABLE="$python" >/dev/null
"$cmake" --build "$build" -j2

# An `apus` of links beside the emulating module; -S keeps the installed one away.
rm -rf "$build/site" && mkdir -p "$build/site/apus"
ln -s "$root"/src/apus/* "$build/site/apus/"
rm -f "$build"/site/apus/_native.*.so && ln -s "$build"/_native.*.so "$build/site/apus/"
export PYTHONPATH=$build/site:$site APUS_ISA=amx
"$python" -S -m pytest -q -k block16 "$root/tests/kernels"
"$python" -S -m pytest -q "$root/tests/engine/test_engine_operators.py" "$@"
