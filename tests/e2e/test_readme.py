"""What README.md and docs/ say of the program is what the program says and does."""
import ast
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import harness
from harness import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import docs  # noqa: E402

pytestmark = pytest.mark.plain
PAGES = docs.pages() + ["CHANGELOG.md"]
SECTIONS = "server|listen|protocol|limits|aggregate|prometheus|http|capture|mirror|redis"
UNITS = {"min": "m"}                     # as pages write it, where options have it otherwise
NUMBER = r"(\d[\d,]*(?:\.\d+)?)(?: (ms|s|min|h|KiB|MiB|GiB|%))?"


def read(page):
    """All of a page; of the changelog what is not released yet, as older names may be gone."""
    with open(os.path.join(TOP, page), encoding="utf-8") as f:
        text = f.read()
    return text if page != "CHANGELOG.md" else re.search(r"^## \[Unreleased\].*?(?=^## |\Z)", text, flags=re.M | re.S).group()


@functools.lru_cache(maxsize=None)
def described(what):
    """First column -> the others, of a table of the binary."""
    rows = harness.run("describe", what, "--markdown").stdout.decode().splitlines()[2:]
    cells = [[c.strip(" `") for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return {row[0]: row[1:] for row in cells}


def test_tables_and_transcripts_are_those_of_the_binary():
    got = subprocess.run([os.path.join(TOP, "tests", "support", "docs.py"), harness.STATSD, "--check"], capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr + "\nremedy: make docs"


WRONG = "    stale\n\n    stale\n"
RIGHT = "    --set: server.intervall: no such option; did you mean server.interval?\n    statsd: 1 mistake in the config\n"


@pytest.mark.parametrize("behind", ["", "\n", "\nText.\n", "    $ curl x\n    y\n", "\n    $ statsd top\n    y\n"])
@pytest.mark.parametrize("program", ["statsd", "build/statsd"])
def test_a_transcript_ends_at_the_next_command_or_with_its_block(program, behind):
    command = "    $ %s check --set server.intervall=5s\n" % program
    assert docs.filled(command + WRONG + behind, harness.STATSD) == command + RIGHT + behind


@pytest.mark.parametrize("text", ["    $ statsd check --set server.intervall=5s\n", "    $ statsd check --set server.intervall=5s\n    $ curl x\n    y\n",
                                  "    $ statsd top --once\n    y\n", "    statsd check --set server.intervall=5s\n"])
def test_what_is_no_transcript_is_left_alone(text):
    assert docs.filled(text, harness.STATSD) == text


@pytest.mark.parametrize("what, where", [("options", "reference"), ("metrics", "reference"), ("reasons", "reference"), ("syscalls", "sandbox")])
def test_each_table_is_on_its_page_once_and_nowhere_else(what, where):
    held = {page: read(page).count("<!-- describe %s -->" % what) for page in docs.pages()}
    assert {page: n for page, n in held.items() if n} == {"docs/%s.md" % where: 1}


def test_the_interop_table_is_as_real_clients_made_it():
    got = subprocess.run([os.path.join(TOP, "tests", "interop", "table.py"), "--check"], capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr


def test_the_flask_code_is_that_of_the_example():
    block = re.search(r"^    def send\(.*?^        return response\n", read("docs/tutorial-flask.md"), flags=re.M | re.S).group()
    code = re.sub(r"^    ", "", block, flags=re.M)
    ast.parse(code)
    assert [l for l in code.splitlines() if l not in read("contrib/examples/flask/app.py").splitlines()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_option_metric_and_reason_that_is_named_is_there(page):
    text, options = read(page), described("options")
    if page == "docs/migrating.md":
        text = re.sub(r"^\|[^|]*\|", "|", text, flags=re.M)   # the left column of its tables has other servers' names
    named = set(re.findall(r"`((?:%s)\.[a-z0-9_]+)" % SECTIONS, text))
    assert sorted(n for n in named if n not in options and not n.endswith(".py") and not n.endswith(".md")) == []
    metrics, of_others = described("metrics"), {"statsd_exporter", "statsd_address", "statsd_prefix"}
    assert sorted(m for m in re.findall(r"\b(statsd_[a-z_]+)", text) if m not in metrics and m not in of_others) == []
    assert sorted(r for r in re.findall(r'samples_rejected_total\{reason="([a-z_]+)"', text) if r not in described("reasons")) == []


def defaults_named(text):
    """[(option, default)] as a page has them: `option` (10 s), 10 s (`option`), | `option` | 10 s |."""
    option = r"`((?:%s)\.[a-z0-9_]+)`" % SECTIONS
    found = re.findall(option + r"(?:\s\(| \| )%s(?=[);,]| \|)" % NUMBER, text)
    found += [(o, n, u) for n, u, o in re.findall(r"(?<![\d,.])" + NUMBER + r"\s\(%s[);,]" % option, text)]
    return [(o, n.replace(",", "") + UNITS.get(u, u)) for o, n, u in found]


@pytest.mark.parametrize("text, want", [
    ("`aggregate.ttl` (24 h), `aggregate.ttl`\n(10 min; 0 is never)", [("aggregate.ttl", "24h"), ("aggregate.ttl", "10m")]),
    ("`redis.spool_max_bytes` (256 MiB)", [("redis.spool_max_bytes", "256MiB")]),
    ("| `limits.max_series` | 1,000,000 | x |\n| `limits.max_series_per_name` | 0, off |", [("limits.max_series", "1000000"), ("limits.max_series_per_name", "0")]),
    ("asks for 32 MiB (`listen.rcvbuf`)", [("listen.rcvbuf", "32MiB")]),
    ("1,000,000 (`limits.max_series`)", [("limits.max_series", "1000000")]),
    ("`server.control_socket` (mode 0600) and `redis.url` (two of them)", []),
])
def test_a_default_that_is_named_is_found(text, want):
    assert defaults_named(text) == want


@pytest.mark.parametrize("page", PAGES)
def test_a_default_that_is_named_beside_its_option_is_the_default(page):
    options = described("options")
    named = [(o, n) for o, n in defaults_named(read(page)) if options[o][2] in ("duration", "size", "number")]
    assert [(o, n, options[o][1]) for o, n in named if n != options[o][1]] == []


def test_the_pages_name_defaults_of_each_kind():
    options = described("options")
    kinds = [options[o][2] for page in PAGES for o, _ in defaults_named(read(page))]
    assert min(kinds.count(kind) for kind in ("duration", "size", "number")) >= 3


def test_a_stop_by_systemd_waits_longer_than_the_server():
    unit = read("contrib/systemd/statsd.service")
    timeout = int(re.search(r"^TimeoutStopSec=(\d+)$", unit, flags=re.M).group(1))
    assert timeout > int(described("options")["server.drain_timeout"][1].rstrip("s"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_understands_the_units(tmp_path):
    units = []
    for name in ("statsd.service", "statsd.socket"):
        units.append(tmp_path / name)
        units[-1].write_text(read("contrib/systemd/" + name).replace("/usr/local/bin/statsd", harness.STATSD))
    got = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, units)], capture_output=True, text=True)
    assert [l for l in got.stderr.splitlines() if "statsd.s" in l] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_counts_the_service_among_the_safe_ones():
    """0 to 10; the bare service is 9.6.  The threshold is in tenths."""
    got = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", os.path.join(TOP, "contrib/systemd/statsd.service")],
                         capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr


def test_the_units_keep_the_sockets_over_any_number_of_restarts():
    service, sockets = read("contrib/systemd/statsd.service"), read("contrib/systemd/statsd.socket")
    for line in ("Type=notify", "NotifyAccess=main", "StartLimitIntervalSec=0", "Restart=always", "StateDirectory=statsd"):
        assert re.search("^%s$" % line, service, flags=re.M), line
    assert int(re.search(r"^FileDescriptorStoreMax=(\d+)$", service, flags=re.M).group(1)) >= 2 * 64
    assert "\nReusePort=yes\n" in sockets and sockets.count("\nListenDatagram=127.0.0.1:8125\n") >= 1
    for option in ("listen.socket", "http.listen"):
        assert described("options")[option][1].rsplit("//")[-1] in sockets, option      # the addresses are those of the config


def test_the_unit_lets_the_server_open_every_kind_of_socket_that_it_asks_for():
    allowed = re.search(r"^RestrictAddressFamilies=(.*)$", read("contrib/systemd/statsd.service"), flags=re.M).group(1).split()
    asked = set()
    for path in (pathlib.Path(TOP) / "src").rglob("*.c"):
        asked.update(re.findall(r"\bsocket\((AF_[A-Z0-9]+)", path.read_text()))
    assert "AF_UNIX" in asked and sorted(asked - set(allowed)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    named = re.findall(r"`((?:src|include|tests|docs|contrib|bench|\.ci)/[A-Za-z0-9_./-]*|[A-Z]+(?:\.md)?)`", read(page))
    named = [n for n in named if "/" in n or n.endswith(".md")]
    assert [n for n in named if not os.path.exists(os.path.join(TOP, n))] == []


def test_the_table_of_rooms_is_what_the_check_of_includes_allows():
    with open(os.path.join(TOP, "tests", "support", "layers.sh"), encoding="utf-8") as f:
        rows = re.findall(r'^    (\w+)\) echo "([a-z ]+)" ;;$', f.read(), flags=re.M)
    allowed = {room: set(others.split()) - {room} for room, others in rows}
    table = re.findall(r"^\| `src/(\w+)/` \|[^|]*\| ([^|]*)\|$", read("docs/architecture.md"), flags=re.M)
    told = {}
    for room, words in table:
        above, all_ = set(told), words.startswith("all of the above")
        told[room] = above if all_ else set(re.findall(r"\w+", words))
    assert told == allowed
    assert set(told) == set(os.listdir(os.path.join(TOP, "src")))


def test_every_room_is_in_the_picture_of_who_may_include_whom():
    picture = re.search(r"^ +cmd\n.*?^ +base$", read("docs/architecture.md"), flags=re.M | re.S).group()
    assert set(re.findall(r"[a-z]+", picture)) == set(os.listdir(os.path.join(TOP, "src")))


def test_every_fuzz_target_has_its_input_in_the_table_and_seeds():
    targets = {p.stem[len("fuzz_"):] for p in pathlib.Path(TOP, "tests", "fuzz").glob("fuzz_*.c")}
    rows = re.findall(r"^\|[^|]*\|([^|]*)\|$", read("docs/security.md").split("## How it is tested")[1], flags=re.M)
    assert {t for row in rows for t in re.findall(r"`([a-z_]+)`", row)} == targets
    assert [t for t in sorted(targets) if not list(pathlib.Path(TOP, "tests", "fuzz", "corpus", t).glob("*"))] == []


def test_every_limit_has_its_row_in_the_table_of_limits():
    table = read("docs/security.md").split("## Limits, and what tells of each")[1].split("\n## ")[0]
    limits = [o for o in described("options") if o.startswith("limits.")]
    assert len(limits) > 10
    assert [o for o in limits if "`%s`" % o not in table] == []


def test_what_one_adds_has_a_row_in_the_architecture():
    rows = re.findall(r"^\| (an? [^|]+) \|", read("docs/architecture.md").split("## Where to add what")[1], flags=re.M)
    wanted = ["a metric kind", "an exposition format", "a sink", "a transport", "a self-metric", "an option", "a subcommand", "an HTTP route"]
    assert [w for w in wanted if w not in rows] == []
