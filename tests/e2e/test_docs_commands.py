"""Each shell command that a page of documentation (docs.pages()) shows is run and does what stands there, or has its reason in NOT_RUN of doc_scene.py."""
import contextlib
import glob
import gzip
import os
import re
import socket
import threading

import pytest

import harness
import doc_scene
import pcap_files
from doc_scene import EXACT, HARMLESS, LINES, NOT_RUN, OWN, SETTINGS, TUTORIAL, Scene, bare, doc_commands, follow, outside_quotes, read, reason, row, shown_commands
from harness import TOP, wait_for
from test_run import FREE, Run

pytestmark = pytest.mark.plain


def test_a_command_is_run_or_has_its_reason():
    """Run means: by one of the tests below, as it is a page's and its programs are harmless."""
    found = shown_commands()
    assert len(found) > 100
    wild = []
    for page, command, _ in found:
        programs = [doc_commands.first_word(part) for part in re.split(r"\s[|&]{1,2}\s", outside_quotes(bare(command)).split("\n")[0])]
        if reason(page, command) is None and ([p for p in programs if p and p not in HARMLESS] or writes_elsewhere(command)):
            wild.append("%s: %s" % (page, command))
    assert wild == [], "write a row of NOT_RUN, or let it be run"


def writes_elsewhere(command):
    """Into a file that is not of the scene's folder."""
    return re.search(r""">[>|]?\s*["']?(~|\.\.|/(?!dev/(null|udp/|tcp/)))|\bsed (-\S+ )*-i|\bcurl .*(-o|--output) ?["']?(~|\.\.|/(?!dev/null))""", command)


@pytest.mark.parametrize("command, elsewhere", [
    ("printf '%s' x >> /etc/a", True), ("echo x >/etc/a", True), ("bash -c \"printf x > /dev/udp/127.0.0.1/8125\"", False), ("echo x > a", False),
    ("curl -s URL > /dev/null", False), ("echo x > \"/etc/a\"", True), ("bash -c 'echo x > /etc/a'", True), ("echo x >| ~/.bashrc", True),
    ("echo x > ../a", True), ("echo x > /dev/sda", True), ("sed -i s/a/b/ /etc/a", True), ("curl -s -o /etc/a URL", True), ("curl -o /dev/null URL", False),
])
def test_writing_elsewhere_is_seen(command, elsewhere):
    assert bool(writes_elsewhere(command)) == elsewhere


def test_no_row_of_what_is_not_run_is_out_of_date():
    """Out of date is also one whose commands an earlier row has."""
    used = [row(page, command) for page, command, _ in shown_commands()]
    assert [r[:2] for r in NOT_RUN if r not in used] == []


@pytest.mark.parametrize("page, command, want", [
    ("docs/a.md", "make run   # so", "first"), ("docs/a.md", "make", "second"), ("docs/b.md", "make run", "second"), ("docs/c.md", "make run", None)])
def test_the_first_row_that_matches_is_the_reason(monkeypatch, page, command, want):
    monkeypatch.setattr(doc_scene, "NOT_RUN", [("docs/a.md", "make run", "first"), ("docs/[ab].md", "make.*", "second")])
    assert reason(page, command) == want


@pytest.mark.parametrize("text, want", [
    ("    $ a b\n    out\n    $ c\n", [("a b", ["out"]), ("c", [])]),
    ("Text:\n\n    make run     # so\n    [http]\n", [("make run     # so", [])]),
    ("- item\n\n      curl x\n", [("curl x", [])]),
    ("    $ cat > f <<'END'\n    one\n\n    END\n    $ d\n", [("cat > f <<'END'\none\n\nEND", []), ("d", [])]),
    ("    statsd-bench a \\\n        b\n", [("statsd-bench a \\\n    b", [])]),
    ("    $ Q=\"a\n    b\"\n    $ c\n", [("Q=\"a\nb\"", []), ("c", [])]),
    ("```sh\ncurl x\n```\n", [("curl x", [])]),
    ("    setpriv --reuid=a statsd\n    for i in 1 2; do curl $i; done\n    for i in prose\n", [
        ("setpriv --reuid=a statsd", []), ("for i in 1 2; do curl $i; done", []), ("for i in prose", [])]),
    ("```\n$ curl x\ny\n```\n", [("curl x", ["y"])]),
    ("    sum by (endpoint) (rate(x[1m]))\n", []),
    ("paragraph\n    curl goes on\n", []),
    ("    A=1 statsd\n    $ not first\n", [("not first", [])]),
])
def test_commands_are_found(text, want):
    assert doc_commands.commands(text) == want


@pytest.mark.parametrize("page", OWN)
def test_the_commands_of_a_page_do_what_it_shows_beside_make_run(page, tmp_path):
    with Run(*FREE) as run:
        sends, scrapes, reads = run.tries()
        port, http = re.search(r"/dev/udp/[0-9.]+/(\d+)", sends).group(1), re.search(r"http://([^/]+)", scrapes).group(1)
        scene = Scene(str(tmp_path / "scene"), int(port), http, re.search(r"-s (\S+)", reads).group(1))
        assert follow(scene, page, True) >= 3


class Stream:
    """Sends LINES over and over, as an application would."""

    def __init__(self, port):
        self.socket, self.ended = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), threading.Event()
        self.socket.connect(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.go_on, daemon=True)

    def send(self):
        self.socket.send("\n".join(LINES).encode())

    def go_on(self):
        while not self.ended.wait(0.1):
            self.send()

    def __enter__(self):
        self.send()          # so the first command has something to see
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def first_interval(redis):
    """When the first interval of api.requests in Redis began."""
    key = wait_for(lambda: redis.client.keys("{sd:09}:i:*"), "an interval in Redis")[0]
    return int(key.decode().rsplit(":", 1)[1])


def furnish(scene, redis):
    """The files that pages speak of."""
    scene.put("statsd.conf", "[redis]\nurl = unix://%s\n[server]\ninterval = 1s\n" % redis.socket)
    scene.put("mapping.yml", "mappings:\n- match: a.*\n  name: a\n")
    scene.put("statsd_exporter.service", "[Service]\nExecStart=/usr/bin/statsd_exporter --statsd.listen-udp=:9125\n")
    scene.put("datadog.yaml", "dogstatsd_port: 8125\nstatsd_metric_namespace: shop\n")
    scene.put("config.json", '{"server_name": "web", "samplers": [{"type": "statsd", "address": "0.0.0.0", "port": 8126}]}')
    scene.put("config.js", "{ port: 8125, flushInterval: 10000 }\n")
    scene.put("token", "0" * 64 + "\n")
    scene.put("day.csv", "0,1000\n1,1000\n")
    for rules in glob.glob(os.path.join(TOP, "contrib", "prometheus", "*.yml")):
        os.symlink(rules, os.path.join(scene.folder, os.path.basename(rules)))
    pcap_files.counters(os.path.join(scene.folder, "busy.pcap"), 100, seconds=0.1)
    with open(os.path.join(scene.folder, "busy.pcap"), "rb") as f, gzip.open(os.path.join(scene.folder, "busy.pcap.gz"), "wb") as g:
        g.write(f.read())


def runnable():
    """Pages with a command that is run, beside those that have a test of their own."""
    found = {page for page, command, _ in shown_commands() if reason(page, command) is None}
    return sorted(found - set(OWN) - {TUTORIAL})


@pytest.mark.parametrize("page", runnable())
def test_the_commands_of_a_page_do_what_it_shows(page, tmp_path, redis):
    folder = str(tmp_path / "scene")
    capture = os.path.join(folder, "capture")
    os.makedirs(capture, mode=0o700)
    if "statsd-bench" in read(page) and not os.path.exists(harness.BENCH):
        pytest.skip("no statsd-bench")
    with contextlib.ExitStack() as inside:
        settings = ["server.instance=web-1", "http.lifecycle=on", "capture.dir=" + capture]
        settings += [s.format(scene=folder) for s in SETTINGS.get(page, [])]
        s = inside.enter_context(harness.Server(redis.url, *settings, interval="1s"))
        interval = 0
        if page not in EXACT:
            inside.enter_context(Stream(s.udp()[1]))
            if page == "docs/redis.md":
                interval = first_interval(redis)
        scene = Scene(folder, s.udp()[1], s.http_addr(), redis.socket, s.pid, interval)
        furnish(scene, redis)
        assert follow(scene, page, page in EXACT) >= 1
