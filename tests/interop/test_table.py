"""The interop table takes what was run, leaves the rest as it is, and tells when somebody else wrote in it."""
import struct

import pytest

import table
from client_rows import CLIENTS
from recorder import frames, kinds

CLIENT = next(c for c in CLIENTS if c.name == "datadogpy")
WAY = CLIENT.ways[0]
SENT = dict(kinds=["c", "event"], line="shop.hits:4|c", many=True, adds_up=False)
SEEN = dict(version=CLIENT.version, sent=SENT, page=[], redis=[], in_redis=CLIENT.has)
SKIPPED = dict(version=CLIENT.version, skipped="no pip here")
STANDS = ["datadogpy", CLIENT.version, "UDP", "old", "old", "old", "old"]


def block(rows, **seen):
    """The table when only CLIENT by WAY was run."""
    return table.rows_of(table.table(rows, lambda c, w: seen.get("seen") if (c, w) == (CLIENT, WAY) else None))


def test_a_row_tells_what_was_sent_and_what_came_of_it():
    key = table.key(STANDS)
    _, _, _, settings, sent, page, redis = block({key: STANDS}, seen=SEEN)[key]
    assert settings == "`DogStatsd(host=, port=)`; here `?gauge_sign=absolute`"
    assert sent == "`shop.hits:4\\|c`; c events; many lines a datagram"
    assert (page, redis) == ("11 of 11", "11 of 11")


def test_what_is_otherwise_is_told():
    key = table.key(STANDS)
    assert block({}, seen={**SEEN, "page": ["gauge: 8.0"]})[key][5] == "10 of 11; gauge: 8.0"


@pytest.mark.parametrize("what,rows,seen,want", [
    ("not run: as it was", [STANDS], None, "old"),
    ("not to be had: as it was", [STANDS], SKIPPED, "old"),
    ("not to be had, and another version before", [STANDS[:1] + ["0.1"] + STANDS[2:]], SKIPPED, "skipped: no pip here"),
    ("not to be had, and never run", [], SKIPPED, "skipped: no pip here"),
    ("run", [STANDS], SEEN, "`shop.hits:4\\|c`; c events; many lines a datagram"),
])
def test_a_row_is_replaced_by_what_was_run_only(what, rows, seen, want):
    assert block({table.key(r): r for r in rows}, seen=seen)[table.key(STANDS)][4] == want, what


def test_a_table_that_was_changed_by_hand_is_found():
    rows = "".join(table.text_of([c.name, "1 (Debian)" if c.language == "Debian" else "1", table.TRANSPORTS[w.transport], "", "", "", ""])
                   for c in CLIENTS for w in c.ways)
    text = table.text_of(table.COLUMNS) + table.text_of(["---"] * 7) + rows
    page = "<!-- interop %s -->\n%s<!-- end -->" % (table.digest(text), text)
    assert table.check(page) == []
    assert table.check(page.replace("| gunicorn |", "| unicorn |")) != []


def test_frames_are_read_up_to_one_that_was_cut_off():
    stream = struct.pack("<I", 5) + b"a:1|c" + struct.pack("<I", 0) + struct.pack("<I", 7) + b"b:2"
    assert list(frames(stream)) == [b"a:1|c", b""]


def test_kinds_come_in_one_order():
    assert kinds(["_sc|x|0", "b:1|ms|#k:v", "a:1|c|@0.5", "_e{1,1}:a|b"]) == ["c", "ms", "event", "check"]
