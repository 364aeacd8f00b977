#!/usr/bin/python3
"""Brings the interop table of docs/clients.md up to date with what tests/interop/test_every_client.py saw; also build/interop/table.md.

    table.py            rewrite what lies between <!-- interop HASH --> and <!-- end -->: the rows of clients that were run, others stay
    table.py --check    exit status 1 if a row of a client is not there, or the block is not as it was written

A client that could not be had leaves its row as it is, and is a row of its own only where there was none of that version.
"""
import hashlib
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client_rows import CLIENTS  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAGE = os.path.join(TOP, "docs", "clients.md")
PLACE = os.path.join(TOP, "build", "interop")
BLOCK = re.compile(r"<!-- interop ?([0-9a-f]*) -->\n(.*?)<!-- end -->", flags=re.S)
COLUMNS = ["client", "version", "transport", "settings", "what it sent", "`/metrics`", "Redis"]
TRANSPORTS = {"udp": "UDP", "tcp": "TCP", "unixgram": "Unix datagram", "unix": "Unix stream"}
KINDS = {"event": "events", "check": "checks"}


def code(text):
    return "`%s`" % text.replace("|", "\\|")


def version(client, number):
    return number + (" (Debian)" if client.language == "Debian" else "")


def settings(client, way):
    here = ([code("?" + way.socket)] if way.socket else []) + ([code(client.settings.replace("=", " = "))] if client.settings else [])
    return way.set + ("; here " + ", ".join(here) if here else "")


def what_it_sent(seen):
    parts = [code(seen["line"]), " ".join(KINDS.get(k, k) for k in seen["kinds"])]
    if seen["many"]:
        parts.append("many lines a datagram")
    if seen["adds_up"]:
        parts.append("adds counters up")
    return "; ".join(parts)


def outcome(client, way, wrong, of, why=False):
    """`11 of 11`, and which are otherwise than called, with why; of: the calls that were looked at."""
    by_reason = {}
    for name in (n for n in of if n in way.odd):
        value, reason = way.odd[name]
        by_reason.setdefault(reason, []).append(name + (" %d of %d" % (value, client.calls[name].want) if isinstance(value, int) else ""))
    odd = sum(map(len, by_reason.values()))
    notes = [", ".join(names) + (": " + reason if why else "") for reason, names in by_reason.items()]
    return "; ".join(["%d of %d" % (len(of) - odd - len(wrong), len(of)), *notes, *wrong])


def row(client, way, seen):
    number = version(client, seen["version"])
    if "skipped" in seen:
        return [client.name, number, TRANSPORTS[way.transport], way.set, "skipped: " + seen["skipped"], "", ""]
    return [client.name, number, TRANSPORTS[way.transport], settings(client, way), what_it_sent(seen["sent"]),
            outcome(client, way, seen["page"], client.has, why=True), outcome(client, way, seen["redis"], seen["in_redis"])]


def text_of(cells):
    return "| %s |\n" % " | ".join(cells)


def cells_of(line):
    return [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]


def key(cells):
    """Which row it is: of Debian's and of its makers' packages of one client each has its own."""
    return cells[0], cells[1].endswith("(Debian)"), cells[2]


def rows_of(block):
    return {key(cells): cells for cells in map(cells_of, block.splitlines()[2:])}


def seen_last(client, way):
    """What the test saw of it, or None."""
    path = os.path.join(PLACE, "results", "%s.%s.%s.json" % (client.name, client.language, way.transport))
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def new_or_old(client, way, seen, stands):
    """The cells of a row: what was seen, or those that stand there; None where there is neither."""
    skipped = seen and "skipped" in seen
    if seen is None or skipped and stands and stands[1] == version(client, seen["version"]):
        return stands
    return row(client, way, seen)


def table(old, seen_of=seen_last):
    """The block anew; old: its rows up to now."""
    rows = [new_or_old(client, way, seen_of(client, way), old.get((client.name, client.language == "Debian", TRANSPORTS[way.transport])))
            for client in CLIENTS for way in client.ways]
    return text_of(COLUMNS) + text_of(["---"] * len(COLUMNS)) + "".join(text_of(r) for r in rows if r)


def digest(block):
    return hashlib.sha256(block.encode()).hexdigest()[:12]


def check(text):
    said, block = BLOCK.search(text).groups()
    want = {(c.name, c.language == "Debian", TRANSPORTS[w.transport]) for c in CLIENTS for w in c.ways}
    wrong = []
    if said != digest(block):
        wrong.append("the interop table was changed by hand")
    if cells_of(block.splitlines()[0]) != COLUMNS:
        wrong.append("its columns are not %s" % ", ".join(COLUMNS))
    wrong += ["no row of %s by %s" % (name, transport) for name, _, transport in sorted(want - set(rows_of(block)))]
    return wrong


def main(words):
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    if words == ["--check"]:
        wrong = check(text)
        print("".join("%s\n" % w for w in wrong) + ("remedy: make nightly\n" if wrong else ""), end="")
        return 1 if wrong else 0
    old = BLOCK.search(text).group(2)
    new = table(rows_of(old))
    os.makedirs(PLACE, exist_ok=True)
    with open(os.path.join(PLACE, "table.md"), "w", encoding="utf-8") as f:
        f.write(new)
    if new != old:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(BLOCK.sub(lambda m: "<!-- interop %s -->\n%s<!-- end -->" % (digest(new), new), text))
        print("interop: the table of docs/clients.md is brought up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
