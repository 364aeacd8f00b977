#!/usr/bin/env bash
# `make census`: the tree in figures, a row for each room (include/ROOM, src/ROOM, tests/unit/ROOM),
# one for bench/ and one for the C files of tests/ that belong to no room.
#
#   files, .h, .c, tests    files of the room without its tests; lines of headers, code and tests
#   wide src, tests         lines over 100 columns
#   asserts, kloc           calls of assert and of the xxx_check functions that assert (those that
#                           return nothing: the others validate input); for 1,000 lines of .h and .c
#   comment %               lines with nothing but a comment, of all that are not blank
#   includes                other rooms that the room includes, with the number of #include lines
#
#   census.sh [TOP]         TOP: the tree; by default the one that this script lies in
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/../..}"

{ find include src bench tests -name '*.[ch]' 2>/dev/null || true; } | sort | awk -v wide_columns=100 '
# Pass 1 over FILE: the names of its functions void xxx_check(...).
function find_checks(file,    line) {
    while ((getline line < file) > 0)
        if (line ~ /^([a-z].* )?void [a-z0-9_]+_check\(/ && match(line, /[a-z0-9_]+_check\(/))
            is_check[substr(line, RSTART, RLENGTH - 1)] = 1
    close(file)
}

# LINE without its comments; sets had_comment, and in_comment for the next line.
function code_of(line,    code, at) {
    had_comment = in_comment
    code = ""
    for (;;) {
        if (in_comment) {
            if (!(at = index(line, "*/")))
                return code
            line = substr(line, at + 2)
            in_comment = 0
        }
        at = match(line, /\/[\/*]/)
        if (!at)
            return code line
        had_comment = 1
        code = code substr(line, 1, at - 1)
        if (substr(line, at, 2) == "//")
            return code
        line = substr(line, at + 2)
        in_comment = 1
    }
}

# Calls of assert and of checks in CODE, a line inside of a function or a macro.
function asserts_of(code,    n, name) {
    while (match(code, /[A-Za-z0-9_]+\(/)) {
        name = substr(code, RSTART, RLENGTH - 1)
        code = substr(code, RSTART + RLENGTH)
        n += name == "assert" || name in is_check
    }
    return n
}

# Pass 2 over FILE: everything else, into the sums of ROOM; kind is h, c or tests.
function count(file, room, kind,    line, code, bytes, target) {
    in_comment = 0
    while ((getline line < file) > 0) {
        lines[room, kind]++
        bytes = line
        if (length(bytes) > wide_columns) {
            gsub(/[\200-\277]/, "", bytes)  # columns are characters of UTF-8, not bytes
            wide[room, kind == "tests"] += length(bytes) > wide_columns
        }
        if (line ~ /^[ \t]*$/)
            continue
        written[room, kind]++
        code = line
        if (!in_comment) {
            if (match(code, /^ *# *include *"[a-z]+\//)) {
                target = substr(code, RSTART, RLENGTH - 1)
                sub(/.*"/, "", target)
                if (kind != "tests" && target != room && target in is_room)
                    includes[room, target]++
                continue
            }
            gsub(/\047\\?.\047/, "0", code)
            gsub(/"([^"\\]|\\.)*"/, "0", code)
        }
        code = code_of(code)
        if (had_comment && code ~ /^[ \t]*$/)
            commented[room, kind]++
        else if (kind != "tests" && code ~ /^[ \t#]/)
            asserts[room] += asserts_of(code)
    }
    close(file)
}

function percent(part, all) { return all ? sprintf("%.0f", 100 * part / all) : "-" }

function row(room,    src, list, i) {
    src = lines[room, "h"] + lines[room, "c"]
    for (i = 1; i <= n_rooms; i++)
        if ((room, rooms[i]) in includes)
            list = list (list == "" ? "" : ", ") rooms[i] " " includes[room, rooms[i]]
    printf "%-10s %5d %6d %6d %6d %5d %5d %7d %5s %4s %4s %5s  %s\n", room, files[room],
        lines[room, "h"], lines[room, "c"], lines[room, "tests"], wide[room, 0], wide[room, 1],
        asserts[room], src ? sprintf("%.1f", 1000 * asserts[room] / src) : "-",
        percent(commented[room, "h"], written[room, "h"]),
        percent(commented[room, "c"], written[room, "c"]),
        percent(commented[room, "tests"], written[room, "tests"]), list
}

# Adds the sums of ROOM to those of SUM.
function add(sum, room,    i) {
    files[sum] += files[room]
    asserts[sum] += asserts[room]
    wide[sum, 0] += wide[room, 0]
    wide[sum, 1] += wide[room, 1]
    for (i = 1; i <= 3; i++) {
        lines[sum, kinds[i]] += lines[room, kinds[i]]
        written[sum, kinds[i]] += written[room, kinds[i]]
        commented[sum, kinds[i]] += commented[room, kinds[i]]
    }
}

function add_room(room) {
    if (!(room in is_room))
        rooms[++n_rooms] = room
    is_room[room] = 1
}

{
    split($0, part, "/")
    paths[++n_paths] = $0
    if (part[1] == "include" || part[1] == "src")
        add_room(part[2])
    find_checks($0)
}

END {
    split("h c tests", kinds, " ")
    for (p = 1; p <= n_paths; p++) {
        split(paths[p], part, "/")
        kind = paths[p] ~ /h$/ ? "h" : "c"
        room = part[1] == "bench" ? "bench" : part[2]
        if (part[1] == "tests") {
            kind = "tests"
            if (part[2] == "unit" && (part[3] in is_room || part[3] == "bench"))
                room = part[3]
            else
                room = "tests"
        } else {
            files[room]++
        }
        count(paths[p], room, kind)
    }
    print "                      lines                wide        asserts        comment %"
    print "room       files     .h     .c  tests   src tests   calls  kloc   .h   .c tests  includes"
    for (i = 1; i <= n_rooms; i++) {
        row(rooms[i])
        add("rooms", rooms[i])
    }
    row("rooms")
    row("bench")
    row("tests")
    for (i = 1; i <= 2; i++)
        add("all", i == 1 ? "rooms" : "bench")
    add("all", "tests")
    row("all")
}'
