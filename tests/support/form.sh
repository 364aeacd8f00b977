#!/usr/bin/env bash
# `make format-check` and `make tidy`: what fails, and how much of it.
#
#   form.sh format FILE...             lines that clang-format would change, and lines over 100 columns; of one file: which
#   form.sh tidy FILE... -- FLAG...    what clang-tidy finds
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

# One file that fails: of several a line of sums, of one alone the lines themselves.
format_said() {   # FILE HOW-MANY-FILES
    local diff long
    diff=$(clang-format "$1" | diff "$1" -)
    long=$(too_long "$1")
    if [ "$2" = 1 ]; then
        printf '%s\n' "$diff" "$long" | sed '/^$/d'
    else
        printf '%-48s %4d lines would change, %3d over %d columns\n' "$1" \
            "$(grep -c '^<' <<<"$diff")" "$(grep -c . <<<"$long")" "$COLUMNS_MAX"
    fi
}

format() {
    local said differ long bad file rc=0
    said=$(clang-format --dry-run "$@" 2>&1) || rc=1
    differ=$(sed -nE 's/^(.*):[0-9]+:[0-9]+: warning: .*-Wclang-format.*/\1/p' <<<"$said" | sort)
    long=$(too_long "$@")
    bad=$({ uniq <<<"$differ"; sed -E 's/:[0-9]+: [0-9]+ columns$//' <<<"$long"; } | sed '/^$/d' | sort -u)
    while IFS= read -r file; do
        [ -z "$file" ] || format_said "$file" $#
    done <<<"$bad"
    [ $rc = 0 ] || { grep -v ': warning: ' <<<"$said"; echo "format: clang-format failed (above)"; }
    printf 'format: %d of %d files, %d places would change, %d lines over %d columns\n' \
        "$(grep -c . <<<"$bad")" $# "$(grep -c . <<<"$differ")" "$(grep -c . <<<"$long")" "$COLUMNS_MAX"
    [ "$rc$bad" = 0 ]
}

# A process for each file, on all cores.
tidy() {
    local files=() found rc=0 n
    while [ "$1" != -- ]; do
        files+=("$1")
        shift
    done
    found=$(printf '%s\0' "${files[@]}" | xargs -0 -I{} -P "$(nproc)" clang-tidy --quiet {} "$@" 2>&1) || rc=1
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
