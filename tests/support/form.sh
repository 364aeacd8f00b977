#!/usr/bin/env bash
# `make format-check` and `make tidy`: what fails, and how much of it.
#
#   form.sh format FILE...             lines that clang-format would change, and lines over 100 columns; of one file: which
#   form.sh tidy FILE... -- FLAG...    what clang-tidy finds
#
# Ends with one line of sums.  Exit status 1 if anything fails.
set -uo pipefail
export LC_ALL=C.UTF-8   # columns are characters, not bytes
COLUMNS_MAX=100

too_long() {   # FILE: its lines that are too long, as FILE:LINE: N columns
    local at line
    grep -nE "^.{$((COLUMNS_MAX + 1)),}" "$1" | while IFS=: read -r at line; do
        printf '%s:%d: %d columns\n' "$1" "$at" "${#line}"
    done
}

format() {
    local file diff differ long files=0 bad=0 all_differ=0 all_long=0
    for file in "$@"; do
        files=$((files + 1))
        if ! diff=$(set -o pipefail; clang-format "$file" | diff "$file" -; exit "${PIPESTATUS[0]}"); then
            echo "$file: clang-format failed"
            bad=$((bad + 1))
            continue
        fi
        differ=$(grep -c '^<' <<<"$diff")
        long=$(too_long "$file" | wc -l)
        [ -z "$diff" ] && [ "$long" = 0 ] && continue
        bad=$((bad + 1)) all_differ=$((all_differ + differ)) all_long=$((all_long + long))
        if [ $# = 1 ]; then
            [ -z "$diff" ] || printf '%s\n' "$diff"
            too_long "$file"
        else
            printf '%-48s %4d lines would change, %3d over %d columns\n' "$file" "$differ" "$long" "$COLUMNS_MAX"
        fi
    done
    printf 'format: %d of %d files, %d lines would change, %d lines over %d columns\n' \
        "$bad" "$files" "$all_differ" "$all_long" "$COLUMNS_MAX"
    [ "$bad" = 0 ]
}

# Two at a time, a process for each file.
tidy() {
    local files=() found rc=0 n
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    found=$(printf '%s\0' "${files[@]}" | xargs -0 -I{} -P 2 clang-tidy --quiet {} "$@" 2>&1) || rc=1
    found=$(grep -vE '^[0-9]+ warnings? (generated|treated as error)' <<<"$found")
    [ -z "$found" ] || printf '%s\n' "$found"
    n=$(grep -cE '(warning|error): ' <<<"$found")
    printf 'tidy: %d findings in %d files\n' "$n" "${#files[@]}"
    [ "$rc $n" = "0 0" ]
}

case ${1:-} in
format) shift; format "$@" ;;
tidy) shift; tidy "$@" ;;
*) sed -nE '2,/^set/{/^set/!s/^# ?//p}' "$0"; exit 2 ;;
esac
