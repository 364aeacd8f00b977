#!/usr/bin/env bash
# `make format-check` and `make tidy`: what fails, and how much of it.
#
#   form.sh format FILE...             lines that clang-format would change, and lines over 100
#                                      columns; of one file: which
#   form.sh tidy FILE... -- FLAG...    what clang-tidy finds; its analyzer looks through functions
#                                      that a function calls only with DEEP=1, which takes three
#                                      times as long
#
# Ends with one line of sums.  Exit status 1 if anything fails.
set -uo pipefail
export LC_ALL=C.UTF-8
COLUMNS_MAX=100

# Lines that are too long, as FILE:LINE: N columns.  Columns are characters of UTF-8, not bytes.
too_long() {   # FILE...
    LC_ALL=C awk -v most="$COLUMNS_MAX" 'length($0) > most {
        gsub(/[\200-\277]/, "")
        if (length($0) > most)
            printf "%s:%d: %d columns\n", FILENAME, FNR, length($0)
    }' "$@"
}

# The files worth a closer look.  All are asked at once, which takes a second for a clean tree.
suspects() {   # FILE...
    local said
    if said=$(clang-format --dry-run "$@" 2>&1); then
        sed -nE 's/^(.*):[0-9]+:[0-9]+: warning: .*-Wclang-format.*/\1/p' <<<"$said"
        too_long "$@" | sed -E 's/:[0-9]+: [0-9]+ columns$//'
    else
        printf '%s\n' "$@"   # one of them cannot be read, or crashes it
    fi | awk '!seen[$0]++'
}

format() {
    local file diff differ long bad=0 all_differ=0 all_long=0
    while IFS= read -r file; do
        [ -n "$file" ] || continue
        if ! diff=$(clang-format "$file" | diff "$file" -; exit "${PIPESTATUS[0]}"); then
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
            printf '%-48s %4d lines would change, %3d over %d columns\n' \
                "$file" "$differ" "$long" "$COLUMNS_MAX"
        fi
    done < <(suspects "$@")
    printf 'format: %d of %d files, %d lines would change, %d lines over %d columns\n' \
        "$bad" $# "$all_differ" "$all_long" "$COLUMNS_MAX"
    [ "$bad" = 0 ]
}

# A process for each file, on all cores.
tidy() {
    local files=() found rc=0 n mode=()
    [ -n "${DEEP:-}" ] ||
        mode=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=mode=shallow)
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    found=$(printf '%s\0' "${files[@]}" |
        xargs -0 -I{} -P "$(nproc)" clang-tidy --quiet "${mode[@]}" {} "$@" 2>&1) || rc=1
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
