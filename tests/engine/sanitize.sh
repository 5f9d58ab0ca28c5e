#!/bin/bash
# Builds the engine under a sanitizer and runs its tests' cases: tests/engine/sanitize.sh address,undefined | thread
# Needs the development venv (PYTHON=path overrides). Leak checks are off: the interpreter itself leaks.
set -euo pipefail
kind=${1:?address,undefined or thread}
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
build=$root/build/sanitize-${kind%%,*}
site=$("$python" -c 'import numpy, pathlib; print(pathlib.Path(numpy.__file__).parents[1])')

cmake=$(command -v "$(dirname "$python")/cmake" || command -v cmake)
"$cmake" -S "$root" -B "$build" -G Ninja -DSKBUILD=ON -DAPUS_SANITIZE="$kind" -DPython_EXECUTABLE="$python" >/dev/null
"$cmake" --build "$build" -j2

# An `apus` of links beside the instrumented module; -S keeps the installed one away.
rm -rf "$build/site" && mkdir -p "$build/site/apus"
ln -s "$root"/src/apus/* "$build/site/apus/"
rm -f "$build"/site/apus/_native.*.so && ln -s "$build"/_native.*.so "$build/site/apus/"
runtime=$(gcc -print-file-name="lib$([ "${kind%%,*}" = thread ] && echo tsan || echo asan).so")
export PYTHONPATH=$build/site:$site PYTHONMALLOC=malloc LD_PRELOAD=$runtime
export ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=ignore_noninstrumented_modules=1 UBSAN_OPTIONS=print_stacktrace=1
for isa in ${APUS_ISA:-$("$python" -S -c 'from apus import _native; print(*_native.isas())')}; do
  echo "$kind $isa"
  APUS_ISA=$isa "$python" -S "$root/tests/engine/engine_cases.py" "$build/outputs.npz"
done
