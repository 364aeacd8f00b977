#!/usr/bin/env bash
# Builds base/ and protocol/ and their unit tests for aarch64, and runs them under qemu: NEON, AES instructions and
# plain C.  What needs a library but xxhash, which is a header, is left out, and of the support what the tests do not call.
#
#   arm64.sh BUILD_DIRECTORY
#
# Packages (Debian): gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static; where one is missing all is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$1/arm64
cc=aarch64-linux-gnu-gcc
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
if ! command -v $cc >/dev/null || [ -z "$qemu" ]; then
    echo "skipped aarch64: needs gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
    exit 0
fi
mkdir -p "$out/include"
# Of the directory of this machine's headers, that one alone.
cp "$(echo '#include <xxhash.h>' | cc -E -x c - | sed -nE 's/^# 1 "(.*\/xxhash\.h)".*/\1/p' | head -n 1)" "$out/include/"
flags=(-std=c11 -D_GNU_SOURCE -O2 -g -ffunction-sections -Wall -Wextra -Werror -Iinclude -Isrc -Itests -Itests/support/arm64 -isystem "$out/include")

objects=()
for source in src/base/*.c src/protocol/*.c tests/support/state_memory.c; do
    grep -qE '"base/(gzip|zstd)\.h"' "$source" && continue
    object=$out/$(echo "${source%.c}" | tr / _).o
    $cc "${flags[@]}" -c -o "$object" "$source"
    objects+=("$object")
done

failed=0
for test in tests/unit/base/test_*.c tests/unit/protocol/test_*.c; do
    grep -qE '<(jansson|zlib|zstd)\.h>|"base/(gzip|zstd)\.h"' "$test" && continue
    name=$(basename "${test%.c}")
    $cc "${flags[@]}" -Wno-unused-function -static -Wl,--gc-sections -o "$out/$name" "$test" "${objects[@]}" -lpthread -lm
    if timeout 300 "$qemu" -cpu max "$out/$name" >"$out/log" 2>&1; then
        echo "ok      aarch64 $name: $(tail -n 1 "$out/log")"
    else
        tail -n 5 "$out/log"; echo "FAILED  aarch64 $name"; failed=1
    fi
done
exit $failed
