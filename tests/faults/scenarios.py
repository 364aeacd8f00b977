"""What a server goes through while one of its calls fails: short, and over all rooms.

Each step waits for its condition and asks again where a request failed, since that may have been the fault: what stays wrong is
wrong.  In the end the sums are exact, or what is missing is counted.
"""
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import string
import sys
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))

import certificates  # noqa: E402
import cluster  # noqa: E402
import harness  # noqa: E402
import redis  # noqa: E402
import test_web_config as web_config  # noqa: E402
from harness import exposition, wait_for  # noqa: E402

PATIENCE = 6 * harness.SLOW       # until a step that should have succeeded is given up
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0", "Accept-Encoding": "gzip"}
PROTOBUF = {"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            "Accept-Encoding": "zstd"}
CLOCK = os.sysconf("SC_CLK_TCK")

MAPPING = """mappings:
- match: "app.*.time"
  name: "app_time"
  observer_type: histogram
  histogram_options:
    buckets: [1, 2]
  labels:
    who: "$1"
- match: "rx\\\\.(.*)"
  match_type: regex
  name: "rx_%s"
  labels:
    what: "$1"
- match: "drop.*"
  action: drop
  name: "dropped"
"""
DATAGRAMS = [
    "hits:3|c|#host:a,quote:x\"y\nhits:2|c|@0.1|#host:b\nhits:1|c|#b:1,a:2,c:3,empty:\n",
    "temp:21.5|g\ntemp:+1|g\nonly:-4|g\nusers:a|s\nusers:b|s\nusers:c|s|#x:y\n" + "".join("crowd:%d|s\n" % i for i in range(300)),
    "lat:1:20:300|ms|#route:a\nsize:-5:0:1e9|h\nd:3|d\napp.x.time:1500|ms\napp.y.time:3|ms|#trace_id:abc123\nrx.q:1|c\ndrop.it:1|c\n",
    "both:1|g\nboth:a|s\nbad\nbad:x|c\nbad:1|zz\n:1|c\n" + "".join("many.%d:%d|c|#n:%d\n" % (i, i, i % 7) for i in range(150)),
    "_e{5,4}:title|text|#a:b|t:warning\n_sc|check|1|#a:b|m:hello\n",
]
STREAM = "".join("stream.%d:1|c|#x:y\n" % i for i in range(40))
SETTINGS = ["server.workers=2", "server.state_interval=100ms", "http.lifecycle=on", "prometheus.service_checks=on",
            "prometheus.exemplar_tag=trace_id", "prometheus.native_histogram_factor=1.1", "prometheus.created=on",
            # None of them is reached: what they refuse would not be on the page.
            "http.allow=127.0.0.0/8", "limits.max_series_per_name=10000", "limits.max_series_per_origin=10000",
            "limits.max_samples_per_name=100000", "limits.tls_handshakes_per_second=10000", "server.sandbox=on"]
ALLOW = "?allow=127.0.0.0/8,10.0.0.0/8"
WEB = """tls_server_config:
  cert_file: %s
  key_file: %s
  client_auth_type: VerifyClientCertIfGiven
  client_ca_file: %s
http_server_config:
  headers:
    X-Frame-Options: deny
rate_limit:
  interval: 1us
  burst: 1000
"""
USER = web_config.basic("prom", "secret")
LINES = b"hits:3|c|@0.5|#host:a\nrx.q:1|c\napp.x.time:1500|ms\nbad\n_e{5,4}:title|text\n"


# What is said in every run, or because memory was short once: no word of anything lost.
NO_MEMORY = "no memory: the reserve"
EXPECTED = ("rejected", "the limit on open files", NO_MEMORY, "reload refused", "running as root", "web config refused")


class Wrong(Exception):
    """What a trial found."""


class Watched(harness.Server):
    """One whose end is no mistake by itself, and whose log is shown only where something is wrong."""

    def __exit__(self, *why):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)


class Stage:
    """What all trials share: Redis, certificates, a state to begin with."""

    def __init__(self, stack):
        self.dir = stack.enter_context(harness.short_dir())
        self.redis = stack.enter_context(harness.Redis(self.dir))
        self.certs = certificates.Certs(self.dir)
        self.certs.signed("server")
        self.state = os.path.join(self.dir, "statsd.state")
        with harness.Server("server.state_dir=" + self.dir, "server.state_interval=0") as s:
            s.send(*DATAGRAMS, "before:4|c")
            s.wait_self("statsd_datagrams_received_total", len(DATAGRAMS) + 1)
        self.number = 0

    def files(self, stack):
        """A folder for one trial, with a mapping and a state."""
        folder = stack.enter_context(harness.short_dir())
        os.mkdir(folder + "/state")     # not the folder of the sockets: either of them is locked
        shutil.copy(self.state, folder + "/state")
        write_mapping(folder, "first")
        self.write_web(folder, web_config.SECRET)
        self.number += 1
        return folder, "f%d" % self.number

    def write_web(self, folder, password):
        """TLS, and one user with that hash."""
        at = self.certs.at
        web_config.write(folder + "/web.yml", WEB % (at("server.pem"), at("server.key"), at("ca.pem")) + web_config.users(prom=password))


def write_mapping(folder, name):
    with open(folder + "/mapping.yml", "w") as f:
        f.write(MAPPING % name)


class Trial:
    """One run: `with Trial(stage, env) as t: daemon(t)`.  env: FAULTS and its kin, for the server that is looked at.

    lasting: the fault stays, so what it is in the way of does not come back."""

    def __init__(self, stage, env, lasting=False):
        self.stage, self.env, self.lasting = stage, env, lasting

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.folder, self.prefix = self.stage.files(self.stack)
        return self

    def __exit__(self, *why):
        self.stack.close()

    def server(self, env, *words, web=True, **more):
        """web: HTTP has TLS and asks for a password."""
        at = self.folder
        s = Watched(
            "server.state_dir=%s/state" % at, "server.control_socket=%s/control" % at, "prometheus.mapping=%s/mapping.yml" % at,
            self.stage.redis.url, "redis.prefix=" + self.prefix, *SETTINGS, *(["http.web_config=%s/web.yml" % at] if web else []),
            env=env, interval="100ms", wait=False, clean_exit=False,
            sockets=("udp://127.0.0.1:0" + ALLOW, "unixgram://%s/in.sock" % at, "tcp://127.0.0.1:0" + ALLOW,
                     "unix://%s/stream.sock?framing=dsd" % at,
                     self.stage.certs.url()), **more)
        s.command += words
        s.tls = certificates.context(self.stage.certs)
        return s


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / CLOCK


def listening(s):
    """Whether it does, or has refused to start."""
    def there():
        if s.process.poll() is not None:
            return "ended"
        return s.http_addr() and len(s.logged("listening")) >= 6 and "listening"
    return wait_for(there, "listening or an end", PATIENCE) == "listening"


def awaited(s, what, condition):
    """condition() gives something, within a time; what goes wrong on the way may be the fault itself."""
    last = [None]

    def attempt():
        if s.process.poll() is not None:
            raise Wrong("ended with status %d while: %s" % (s.process.returncode, what))
        try:
            return condition()
        except (OSError, AssertionError, exposition.Malformed, ValueError, harness.urllib.error.URLError,
                harness.urllib.request.http.client.HTTPException) as e:
            last[0] = e
            return None
    try:
        return wait_for(attempt, what, PATIENCE)
    except AssertionError:
        raise Wrong("waited in vain for: %s (%r)" % (what, last[0]))


def get(s, path, headers=None):
    status, _, body = s.get(path, headers={**USER, **(headers or {})}, timeout=2 * harness.SLOW)
    return body if status == 200 and body else None


def scraped(s):
    def page():
        body = get(s, "/metrics")
        return body and exposition.parse(body)
    return awaited(s, "a scrape", page)


def tcp(s, nth):
    host, _, port = s.address("tcp", nth).rpartition(":")
    return socket.create_connection((host, int(port)), timeout=2 * harness.SLOW)


def send_stream(trial, s, which, text):
    """One connection; False where it was cut."""
    data = text.encode()
    try:
        if which == "unix":
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(2 * harness.SLOW)
                c.connect(trial.folder + "/stream.sock")
                c.sendall(len(data).to_bytes(4, "little") + data)
            return True
        with tcp(s, 0 if which == "tcp" else 1) as c:
            if which == "tls":
                with s.tls.wrap_socket(c, server_hostname="localhost") as t:
                    t.sendall(data)
                    t.unwrap()
            else:
                c.sendall(data)
        return True
    except OSError:
        return False


STREAMS = ("tcp", "unix", "tls")


def send_datagram(s, text, unix):
    """Sent; an answer of the kernel to the one before may be in its way."""
    with s.sender(unix=unix) as c:
        c.send(text.encode())


def applications(page):
    """{(name, labels): value} of what was sent before the fault was looked for."""
    return {k: v for k, v in page.samples.items()
            if not k[0].startswith(("statsd_", "process_", "after", "stream")) and not k[0].endswith("_created")}


def ingest(trial, s):
    """Everything there is to send; waits until it was read."""
    had = scraped(s).sum("statsd_datagrams_received_total")
    for i, d in enumerate(DATAGRAMS):
        send_datagram(s, d, unix=i % 2 == 1)
    for which in STREAMS:
        send_stream(trial, s, which, STREAM)

    def all_there():
        page = scraped(s)
        got = page.sum("statsd_datagrams_received_total") + page.sum("statsd_udp_kernel_drops_total") - had
        return page if got >= len(DATAGRAMS) else None
    if trial.lasting:
        with contextlib.suppress(AssertionError):
            wait_for(all_there, "", 0.5 * harness.SLOW)
        return
    awaited(s, "%d datagrams read" % len(DATAGRAMS), all_there)


def look(s):
    """All that can be asked for over HTTP."""
    for path, headers in (("/metrics", OPENMETRICS), ("/metrics", PROTOBUF), ("/metrics", {"Accept-Encoding": "gzip"}),
                          ("/api/v1/events", None), ("/api/v1/checks", None), ("/", None), ("/-/ready", None)):
        awaited(s, "%s %r" % (path, headers), lambda: get(s, path, headers))


def reload(trial, s):
    """A mapping with other names; a reload that was refused is asked for again."""
    write_mapping(trial.folder, "second")
    before = len(s.logged("reloaded"))

    def reloaded():
        n = len(s.logged("reload refused"))
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(s.logged("reloaded")) > before or len(s.logged("reload refused")) > n, "a reload", PATIENCE / 3)
        return len(s.logged("reloaded")) > before
    awaited(s, "the reload", reloaded)


def works(trial, s):
    """Each socket still brings what is sent to it."""
    if trial.lasting:
        return
    for i, which in enumerate(("udp", "unixgram") + STREAMS):
        def brought():
            text = "after.%s:1|c\n" % which
            if i < 2:
                send_datagram(s, text, unix=i == 1)
            else:
                send_stream(trial, s, which, text)
            return wait_for(lambda: (scraped(s).value("after_" + which) or 0) >= 1, "it", 1 * harness.SLOW)
        awaited(s, "a sample by %s" % which, brought)


def balanced(page):
    read = page.sum("statsd_samples_read_total")
    parts = [page.sum("statsd_samples_%s_total" % what) for what in ("aggregated", "rejected", "refused", "dropped")]
    if read != sum(parts):
        raise Wrong("%d samples read, and aggregated, rejected, refused and dropped are %r" % (read, parts))
    return parts


def judged(trial, s, expected):
    """The page at the end; expected: one of a run without a fault, None: this is it."""
    page = scraped(s)
    parts = balanced(page)
    mine = applications(page)
    lost = s.logged("saved state not used: starting empty")
    if expected is None or lost or trial.lasting:
        return page
    if page.sum("statsd_samples_rejected_total") != expected.sum("statsd_samples_rejected_total"):
        raise Wrong("other samples were rejected: %r" % parts)
    refused = page.sum("statsd_samples_refused_total") + page.sum("statsd_tag_errors_total") \
        + page.sum("statsd_udp_kernel_drops_total") > 0
    if not refused:
        want = applications(expected)
        differs = sorted(k for k in want.keys() | mine.keys() if want.get(k) != mine.get(k))
        if differs:
            raise Wrong("nothing was refused, but these differ: %r" % [(k, want.get(k), mine.get(k)) for k in differs[:5]])
    return page


def ended(trial, s, page):
    """TERM; what the exit status, Redis and the state file say agrees."""
    status = harness.stop(s.process, patience=20 * harness.SLOW)
    s.reader.join(5)
    complaints = [l for l in s.log if l.get("level") in ("error", "warn") and not l["msg"].startswith(EXPECTED)]
    if status not in (0, 1) or (status == 1 and not complaints):
        raise Wrong("exit status %d" % status)
    if not os.path.exists(trial.folder + "/state/statsd.state") and not complaints:
        raise Wrong("no state was saved, and nobody says so")
    return complaints


def silent_stderr(s):
    s.stderr.seek(0)
    err = s.stderr.read().decode("utf-8", "replace")
    if "".join(l for l in err.splitlines() if NO_MEMORY not in l):      # said before the log is standard output
        raise Wrong("on stderr: " + err[-3000:])


def refused_to_start(s):
    """A start that fails says why, and its status is one of the two."""
    s.reader.join(5)
    status = s.process.returncode
    s.stderr.seek(0)
    said = s.stderr.read().decode("utf-8", "replace")
    complaints = [l for l in s.log if l.get("level") == "error"]
    if status not in (1, 2) or not (complaints or "statsd: " in said):
        raise Wrong("the start ended with status %d, %r\n%s" % (status, complaints, said[-3000:]))
    return "refused to start"


def redis_agrees(trial, s, page, complaints):
    """The ledger has what the page had, when nothing was lost."""
    if complaints or trial.lasting or s.logged("saved state not used: starting empty"):
        return
    for (name, field) in (("many_3", "many.3|#n:3"),):
        on_page = page.value(name, n="3")
        key = harness.tot_key(field, trial.prefix)
        got = trial.stage.redis.client.hget(key, "c|" + field)
        if on_page is not None and (got is None or float(got.split()[0]) != on_page - 3):   # 3 came from the state
            raise Wrong("Redis has %r of %s, the page %r" % (got, field, on_page))


def daemon(trial, expected=None):
    """Start, ingest, scrape, reload, ingest, flush, stop.  Returns what was seen: a word, and the page at its end."""
    with trial.server(trial.env) as s:
        try:
            if not listening(s):
                return refused_to_start(s), None
            ingest(trial, s)
            look(s)
            reload(trial, s)
            ingest(trial, s)
            works(trial, s)
            page = judged(trial, s, expected and expected[1])
            used = cpu_seconds(s.pid)
            time.sleep(0.05 * harness.SLOW)
            idle = cpu_seconds(s.pid) - used
            if idle > 0.04 * harness.SLOW:
                raise Wrong("busy though there is nothing to do: %.2f s of CPU" % idle)
            complaints = ended(trial, s, page)
            silent_stderr(s)
            redis_agrees(trial, s, page, complaints)
            return "went on", page
        except (Wrong, AssertionError) as e:
            raise Wrong("%s\n    %s" % (e, "\n    ".join(s.raw_log[-12:]))) from None


def copied(trial, expected=None):
    """Start with a capture and a mirror, ingest, stop: neither is in the way of anything."""
    at = trial.folder
    os.mkdir(at + "/capture")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(at + "/other.sock")
        with trial.server(trial.env, "--set", "capture.dir=%s/capture" % at, "--set", "capture.start=on",
                          "--set", "mirror.to=unixgram://%s/other.sock" % at, web=False) as s:
            try:
                if not listening(s):
                    return refused_to_start(s), None
                ingest(trial, s)
                works(trial, s)
                page = judged(trial, s, expected and expected[1])
                ended(trial, s, page)
                silent_stderr(s)
                return "went on", page
            except (Wrong, AssertionError) as e:
                raise Wrong("%s\n    %s" % (e, "\n    ".join(s.raw_log[-12:]))) from None


def users_change(trial, s):
    """Other users while requests wait for the check of their password: each of them is answered, and the new users are in force."""
    said = []

    def ask():
        try:
            said.append(s.get("/-/healthy", headers=USER, timeout=PATIENCE)[0])
        except OSError as e:
            said.append(e)
    web_config.write(trial.folder + "/web.yml", "basic_auth_users: [\n")
    s.process.send_signal(signal.SIGHUP)
    awaited(s, "the refusal of a web config with a mistake", lambda: s.logged("web config refused, the one before stays in force"))
    for hash_ in (web_config.SECRET_10, web_config.SECRET):
        askers = [threading.Thread(target=ask) for _ in range(3)]
        before = len(s.logged("web config loaded"))
        trial.stage.write_web(trial.folder, hash_)
        s.process.send_signal(signal.SIGHUP)
        for a in askers:
            a.start()
        awaited(s, "the web config", lambda: len(s.logged("web config loaded")) > before)
        for a in askers:
            a.join()
    awaited(s, "an answer to who has the password", lambda: get(s, "/-/healthy"))
    others = [w for w in said if w not in (200, 429)]
    if len(others) > 1 and not trial.lasting:       # one may be the fault's
        raise Wrong("who has the password was told %r" % others)


def web(trial, expected=None):
    """Start, change the users while requests wait, stop."""
    with trial.server(trial.env) as s:
        try:
            if not listening(s):
                return refused_to_start(s), None
            users_change(trial, s)
            page = scraped(s)
            ended(trial, s, page)
            silent_stderr(s)
            return "went on", page
        except (Wrong, AssertionError) as e:
            raise Wrong("%s\n    %s" % (e, "\n    ".join(s.raw_log[-12:]))) from None


def command(trial, expected, words, stdin=b""):
    """A command that ends by itself: it says what it says without a fault, or why it cannot."""
    at = trial.folder
    sets = [w for s in (*SETTINGS, "prometheus.mapping=%s/mapping.yml" % at, "http.web_config=%s/web.yml" % at,
                        "listen.socket=udp://127.0.0.1:0" + ALLOW, "listen.socket=" + trial.stage.certs.url()) for w in ("--set", s)]
    got = harness.run(words[0], *sets, *words[1:], stdin=stdin, env=trial.env, timeout=20 * harness.SLOW)
    out, err = got.stdout.decode().replace(at, "AT"), got.stderr.decode()
    if expected is None:
        return "as without a fault", (got.returncode, out)
    if (got.returncode, out) == expected[1]:
        return "as without a fault", expected[1]
    if got.returncode == 1 and out == expected[1][1]:       # a flush that had done its work
        return "as without a fault", expected[1]
    told = "statsd: " in err or "level=error" in err or "no room: " in out or re.search('"no_room":[1-9]', out)
    if got.returncode not in (0, 1, 2) or not told:
        raise Wrong("status %d\n    %s\n    %s" % (got.returncode, out[-1500:], err[-1500:]))
    return "refused", expected[1]


def check(trial, expected=None):
    return command(trial, expected, ["check"])


def explain(trial, expected=None):
    return command(trial, expected, ["explain"], LINES)


def explain_json(trial, expected=None):
    return command(trial, expected, ["explain", "--json", "hits:3|c|@0.5|#host:a", "app.x.time:1500|ms", "bad"])


def both(trial, expected, of_old):
    """A server and one that takes over from it; the fault is in one of them.  Either the new one has all, or the old one goes on."""
    with trial.server(trial.env if of_old else {}, web=of_old) as old:
        new = trial.server({} if of_old else trial.env, "--takeover", web=of_old)
        try:
            if not listening(old):
                return refused_to_start(old), None
            ingest(trial, old)
            with new:
                return taken(trial, old, new, expected)
        except (Wrong, AssertionError) as e:
            raise Wrong("%s\n    %s\n    new:\n    %s" % (e, "\n    ".join(old.raw_log[-12:]), "\n    ".join(new.raw_log[-12:]))) from None


def taken(trial, old, new, expected):
    wait_for(lambda: old.process.poll() is not None or new.process.poll() is not None, "one of the two to end", 3 * PATIENCE)
    ended_first, s, word = (old, new, "taken over") if old.process.poll() is not None else (new, old, "the old one went on")
    ended_first.reader.join(5)
    if ended_first is new:
        refused_to_start(new)
    elif old.process.returncode != 0:
        raise Wrong("the old one ended with status %d" % old.process.returncode)
    elif not listening(new):
        raise Wrong("both ended")
    works(trial, s)
    page = judged(trial, s, expected and expected[1])
    ended(trial, s, page)
    if ended_first is old:
        silent_stderr(old)
    silent_stderr(s)
    return word, page


def takeover_old(trial, expected=None):
    return both(trial, expected, True)


def takeover_new(trial, expected=None):
    return both(trial, expected, False)


# --- a fleet's Redis

PASSWORD = "let-me-in"
DRAWN = random.Random(7)
NAMES = ["fleet_" + "".join(DRAWN.choices(string.ascii_letters + string.digits, k=240)) for _ in range(1200)]    # compress badly
FLEET = ["\n".join("%s:%d|c" % (n, i % 9 + 1) for i, n in enumerate(NAMES) if i // 100 == at) for at in range(12)] + \
    ["fleet.lat:1:2:3|ms\nfleet.level:7|g\nfleet.level:+1|g"]
LOSSES = ("statsd_redis_lost_series_total", "statsd_redis_fenced_series_total", "statsd_redis_spool_damaged_series_total",
          "statsd_redis_spool_left_over_files_total", "statsd_samples_refused_total",
          "statsd_udp_kernel_drops_total")


class SecureNode(cluster.Cluster):
    """A cluster of one node, which wants TLS and a password."""

    def __init__(self, dir, certs):
        super().__init__(dir, masters=1, replicas=0)
        node, = self.nodes
        node.settings += ("--port", "0", "--tls-port", str(node.port), "--tls-cluster", "yes", "--tls-auth-clients", "no",
                          "--tls-cert-file", certs.at("server.pem"), "--tls-key-file", certs.at("server.key"),
                          "--tls-ca-cert-file", certs.ca, "--requirepass", PASSWORD)
        node.client = redis.Redis("127.0.0.1", node.port, ssl=True, ssl_ca_certs=certs.ca, password=PASSWORD,
                                  socket_timeout=10 * harness.SLOW)
        self.node = node


class Flock:
    """Servers of one name, one after the other, and what they were sent."""

    def __init__(self, trial, of_first):
        self.trial, self.of_first, self.rounds, self.losses = trial, of_first, 0, []
        self.folder = trial.folder + "/fleet"
        os.mkdir(self.folder)
        self.write_password()

    def write_password(self):
        with open(self.folder + "/password.new", "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(PASSWORD + "\n")
        os.rename(self.folder + "/password.new", self.folder + "/password")

    def server(self, port, first):
        return Watched(
            "server.state_dir=" + self.folder, "server.state_interval=0", "server.instance=f", "server.sandbox=on",
            "redis.url=rediss://localhost:%d" % port, "redis.password_file=%s/password" % self.folder,
            "redis.tls_ca_file=" + self.trial.stage.certs.ca, "redis.prefix=" + self.trial.prefix, "redis.spool_max_bytes=1MiB",
            "redis.reply_timeout=2s", "redis.totals_ttl=1h",
            env=self.trial.env if first == self.of_first else {}, interval="100ms", wait=False, clean_exit=False)

    def round(self, s):
        """All of it once.  What an interval has goes to Redis as one."""
        for d in FLEET:
            send_datagram(s, d, unix=False)
        self.rounds += 1
        if self.trial.lasting:
            time.sleep(0.1 * harness.SLOW)
            return
        awaited(s, "round %d read" % self.rounds, lambda: self.read(s) >= self.want_read)

    @staticmethod
    def read(s):
        page = scraped(s)
        return page.sum("statsd_datagrams_received_total") + page.sum("statsd_udp_kernel_drops_total")

    def note(self, page):
        """What is counted as lost by a server that is about to end."""
        self.losses += [name for name in LOSSES if page.sum(name)]
        if page.sum("statsd_redis_dropped_series_total") > page.sum("statsd_redis_carried_series_total"):
            self.losses.append("dropped")

    def wrong(self, node):
        """What of the totals differs; more than was sent is wrong whatever was lost."""
        got, out = {}, []
        for shard in range(harness.SHARDS):
            got.update(node.client.hgetall("{%s:%02d}:tot" % (self.trial.prefix, shard)))
        for i, name in enumerate(NAMES):
            value, want = float(got.get(b"c|" + name.encode(), b"0").split()[0]), self.rounds * (i % 9 + 1)
            if value > want:
                raise Wrong("Redis has %r of a counter of %r" % (value, want))
            if value != want:
                out.append((name[-8:], value, want))
        return out


def listens(s):
    def there():
        if s.process.poll() is not None:
            return "ended"
        return s.http_addr() and s.address("udp") and "listening"
    return wait_for(there, "listening or an end", PATIENCE) == "listening"


def is_applied(s):
    page = scraped(s)
    return page.sum("statsd_redis_up") >= 1 and page.sum("statsd_redis_spool_batches") == 0 and page


def waits_more(s, than):
    page = scraped(s)
    return page if page.sum("statsd_redis_spool_batches") > than or page.sum("statsd_redis_spool_disk_bytes") > 0 else None


def cluster_page_agrees(flock, s):
    """/cluster/metrics is there, or says that it is not."""
    def status():
        return s.get("/cluster/metrics", timeout=2 * harness.SLOW)[0] in (200, 503)
    awaited(s, "an answer of /cluster/metrics", status)
    if flock.trial.lasting or flock.losses:
        return

    def whole():
        status, _, body = s.get("/cluster/metrics", timeout=2 * harness.SLOW)
        page = status == 200 and exposition.parse(body)
        return page and all(page.value(n) == flock.rounds * (i % 9 + 1) for i, n in enumerate(NAMES))
    awaited(s, "all of it at /cluster/metrics", whole)


def first_of_flock(flock, node, s, expected):
    """Sends, reads the fleet's page, is put out once, and ends while Redis is frozen and some of what waits is on disk."""
    trial = flock.trial
    flock.want_read = len(FLEET)
    flock.round(s)
    if not trial.lasting:
        awaited(s, "all of it in Redis", lambda: is_applied(s))
        flock.note(scraped(s))
    cluster_page_agrees(flock, s)
    flock.write_password()
    with contextlib.suppress(redis.exceptions.RedisError):
        node.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    node.pause()
    for _ in range(12):
        before = scraped(s).sum("statsd_redis_spool_batches")
        flock.want_read += len(FLEET)
        flock.round(s)
        with contextlib.suppress(AssertionError):       # the fault may be in the way
            page = wait_for(lambda: waits_more(s, before), "", 1 * harness.SLOW)
            if page.sum("statsd_redis_spool_disk_bytes") > 0:
                break
    else:
        if expected is None:
            raise Wrong("nothing is on disk: the trials would not reach what is done there")
    flock.note(scraped(s))
    status = harness.stop(s.process, patience=30 * harness.SLOW)
    s.reader.join(5)
    complaints = [l["msg"] for l in s.log if l.get("level") == "error"]
    if status not in (0, 1) or (status == 1 and not complaints):
        raise Wrong("exit status %d" % status)
    flock.losses += complaints
    silent_stderr(s)
    node.go_on()


def second_of_flock(flock, s):
    flock.want_read = len(FLEET)
    flock.round(s)
    if not flock.trial.lasting or flock.of_first:
        flock.note(awaited(s, "all that waited in Redis", lambda: is_applied(s)))
    flock.losses += [l["msg"] for l in s.log if l.get("level") == "error" or l["msg"].startswith("saved state not used")]
    cluster_page_agrees(flock, s)
    page = scraped(s)
    flock.note(page)
    status = harness.stop(s.process, patience=30 * harness.SLOW)
    s.reader.join(5)
    if status not in (0, 1):
        raise Wrong("exit status %d" % status)
    silent_stderr(s)
    return page


def flock_of(trial, of_first, expected):
    flock = Flock(trial, of_first)
    with SecureNode(trial.folder, trial.stage.certs) as c, flock.server(c.node.port, True) as one:
        two = None
        try:
            if not listens(one):
                return refused_to_start(one), None
            first_of_flock(flock, c.node, one, expected)
            with flock.server(c.node.port, False) as two:
                if not listens(two):
                    return refused_to_start(two), None
                page = second_of_flock(flock, two)
            wrong = flock.wrong(c.node)
            if wrong and not flock.losses and not trial.lasting:
                raise Wrong("nothing was counted as lost, but of %d counters these differ: %r" % (len(wrong), wrong[:4]))
            return "went on" if not flock.losses else "lost and said so", page
        except (Wrong, AssertionError) as e:
            logs = [s.raw_log[-12:] for s in (one, two) if s]
            raise Wrong("%s\n    %s" % (e, "\n    -\n    ".join("\n    ".join(l) for l in logs))) from None


def fleet_first(trial, expected=None):
    return flock_of(trial, True, expected)


def fleet_second(trial, expected=None):
    return flock_of(trial, False, expected)


COMMANDS = ["check", "explain", "explain_json"]
SCENARIOS = ["daemon", "copied", "web", "takeover_old", "takeover_new", "fleet_first", "fleet_second", *COMMANDS]
