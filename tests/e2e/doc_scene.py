"""What the shell commands of README.md, docs/*.md and the other pages of docs.pages() need to be run by a test, and what is not run.

A page's commands are run in their order against a server of its own, on other ports and in an empty folder where `statsd` is the
server under test.  What a page shows behind a command is what it prints (EXACT: to the letter, but for times; else: each word of it
comes, whatever the numbers).  A command behind which nothing is shown has to end well.
"""
import contextlib
import os
import re
import subprocess
import sys

import harness
from harness import TOP, wait_for

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import doc_commands  # noqa: E402
import docs  # noqa: E402

TUTORIAL = "docs/tutorial-flask.md"
OWN = "README.md", "docs/first-metrics.md"        # the pages that begin with `make run`
EXACT = OWN + ("docs/configuration.md", "docs/how-to.md", "docs/losses.md", "docs/mapping.md", "docs/troubleshooting.md")

# (page, what its commands match as a whole, why they are not run here)
NOT_RUN = [
    ("CONTRIBUTING.md", r"make .*", "builds, or takes minutes; tests/e2e/test_docs_names.py has the targets"),
    ("CONTRIBUTING.md", r"valgrind .*", "needs what make bench-build builds"),
    ("README.md", r"make run", "installs packages; its script is what runs here, and tests/e2e/test_run.py"),
    ("bench/README.md", r"statsd-bench --find-max .*", "takes a minute; tests/e2e/test_load_generator.py"),
    ("contrib/examples/flask/README.md", r"apt-get install .*", "installs packages"),
    ("contrib/examples/flask/README.md", r"gunicorn .*|for .* http://127.0.0.1:8000/.*", "an application that runs until it is stopped; the tutorial has both"),
    ("contrib/examples/flask/README.md", r"uwsgi-core .*", "runs until it is stopped; tests/interop/test_python_servers.py"),
    ("docs/how-to.md", r"gunicorn .*", "runs until it is stopped; the tutorial has it"),
    ("docs/(how-to|restart).md", r"statsd -c /etc/statsd.conf --takeover", "needs a server by that file; tests/e2e/test_takeover.py"),
    ("docs/(losses|production).md", r"sysctl -w .*", "changes the machine"),
    ("docs/install.md", r"(make|apt-get|systemctl|install|setpriv|mkdir|apparmor_parser)( .*)?|printf .* >>? /etc/.*|statsd check -c /etc/.*",
     "changes the machine; tests/package/newcomer.sh, package.sh and vm.sh"),
    ("docs/load-testing.md", r"statsd-bench --web .*|curl -d .* http://127.0.0.1:8089/.*", "a page that stays open; tests/e2e/test_bench_web.py"),
    ("docs/load-testing.md", r"statsd-bench --worker --master .*", "needs other hosts; tests/e2e/test_bench_web.py"),
    ("docs/performance.md", r"statsd-bench --find-max .*", "takes a minute; tests/e2e/test_load_generator.py"),
    ("docs/replay.md", r"tcpdump -i any .*", "needs rights on the network, and runs until Ctrl-C"),
    ("docs/replay.md", r"statsd --set .* &", "the server that runs here anyway"),
    ("docs/sandbox.md", r"sudo .*", "needs root and a user; tests/e2e/test_sandbox.py"),
    ("docs/systemd.md", r"make install|cp .* /etc/.*|systemctl .*", "changes the machine; tests/e2e/test_systemd.py has the units"),
    ("docs/tls.md", r"chgrp ssl-cert .*", "needs a group of the package ssl-cert"),
    ("docs/containers.md", r"(podman|docker) .*", "needs a builder of images; make container-test"),
    ("docs/containers.md", r"podman-compose .*", "needs images from a registry; no test runs it"),
    ("docs/containers.md", r"kubectl .*", "needs a cluster; no test runs it"),
    ("docs/dashboards.md", r"sed .* /var/lib/grafana/.*", "the folder of a Grafana"),
    (TUTORIAL, r"apt-get install .*", "installs packages"),
]
# What is run may name these programs; any other has to be in NOT_RUN.
HARMLESS = {"statsd", "build/statsd", "statsd-bench", "build/statsd-bench", "bash", "printf", "echo", "curl", "grep", "redis-cli", "python3", "openssl",
            "tcpdump", "zcat", "sort", "uniq", "head", "sed", "for", "cat", "promtool", "prometheus", "gunicorn", "cd", "(cd"}
# Shorter, smaller, elsewhere.
INSTEAD = [
    (r"curl (-f )?-sN ", "timeout 1 curl -sN "),
    (r"--duration \d+[sm]", "--duration 1s"),
    (r"--rate (1M|200k)", "--rate 20k"),
    (r"statsd-bench (?!.*--to )", "statsd-bench --to udp://127.0.0.1:8125 "),
    (r"\$\(pidof statsd\)", "$STATSD_PID"),
    (r"\bstaging:8125", "127.0.0.1:8125"),
    (r"10_000_000, seconds=60", "1_000, seconds=0.1"),
    (r"replay (--speed max )?/tmp", r"replay --to udp://127.0.0.1:8125 \1/tmp"),
    (r"unix:///run/statsd/stream\.sock", "unix://$SCENE/stream.sock"),
    (r"/tmp/ten\.pcap", "$SCENE/ten.pcap"),
    (r"seconds=60'", "seconds=1'"),
    (r"/var/lib/statsd/capture/\S+", "capture/*.pcap"),
    (r"/etc/datadog-agent/|/etc/systemd/system/", ""),
    (r"--mapping-out mapping.yml", "--mapping-out new.yml"),
    (r"redis-cli (?!-s)", "redis-cli -s $REDIS "),
    (r"redis-cli ", "redis-cli --no-raw "),             # as to a terminal
    (r"\b17000000[0-2]0\b", "$INTERVAL"),
]
# Settings that a page's server needs, beside those of every page; {scene} is its folder
SETTINGS = {"docs/runbook.md": ["limits.max_series_per_name=20"], "bench/README.md": ["listen.socket=unix://{scene}/stream.sock?framing=dsd"]}
TO_TERMINALS = {"chart", "rate"}      # columns that are shown to a terminal alone
LINES = ["api.requests:3|c|#env:prod,route:/login", "api.requests:1|c|#env:prod,route:/search", "queue.depth:29|g|#env:prod",
         "api.latency:20:25:38|ms|#env:prod", "users:alice|s|#env:prod", "users:bob|s|#env:prod", "api.hits:1|c|#env:prod,host:a1",
         "_sc|db.up|2|h:db-1|#env:prod|m:no answer", "jobs:1|q", "queue:x|g", "_e{4,4}:Disk|full"]
LINES += ["carts:1|c|#cart:%d" % i for i in range(25)]
LINES += ["http.%s|#endpoint:%s,status:%s" % (what, endpoint, status) for what in ("requests:1:1:1:1|c", "request.duration:20:21:22:23|ms")
          for endpoint, status in (("index", "200"), ("order", "201"), ("broken", "500"))]


def read(page):
    with open(os.path.join(TOP, page), encoding="utf-8") as f:
        return f.read()


def row(page, command):
    """The row of NOT_RUN that says why a command is not run: the first that matches."""
    return next((r for r in NOT_RUN if re.fullmatch(r[0], page) and re.fullmatch(r[1], bare(command), flags=re.S)), None)


def reason(page, command):
    found = row(page, command)
    return found and found[2]


def bare(command):
    """Without the remark behind it."""
    return re.sub(r"\s{2,}# .*$", "", command)


def shown_commands():
    return [(page, command, shown) for page in docs.pages() for command, shown in doc_commands.commands(read(page))]


def outside_quotes(command):
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", command)


class Scene:
    """A folder with what the commands of a page expect, and where the server is."""

    def __init__(self, folder, udp, http, redis, pid=0, interval=0):
        self.folder, self.udp, self.http, self.prelude = folder, udp, http, ""
        os.makedirs(os.path.join(folder, "bin"))
        os.makedirs(os.path.join(folder, "build"))
        for name, path in (("statsd", harness.STATSD), ("statsd-bench", harness.BENCH)):
            os.symlink(path, os.path.join(folder, "bin", name))
            os.symlink(path, os.path.join(folder, "build", name))
        os.makedirs(os.path.join(folder, "build", "run"))
        os.symlink(redis or "none", os.path.join(folder, "build", "run", "redis.sock"))
        for name in ("contrib", "tests"):
            os.symlink(os.path.join(TOP, name), os.path.join(folder, name))
        self.env = {**harness.clean_env(), "PATH": "%s/bin:/usr/bin:%s" % (folder, os.environ["PATH"]), "REDIS": redis, "SCENE": folder, "STATSD_PID": str(pid),
                    "STATSD_URL": "http://" + http, "INTERVAL": str(interval), "PYTHONDONTWRITEBYTECODE": "1"}

    def put(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def mine(self, command):
        for what, other in INSTEAD:
            command = re.sub(what, other, command)
        command = command.replace("/dev/udp/127.0.0.1/8125", "/dev/udp/127.0.0.1/%d" % self.udp)
        return command.replace("127.0.0.1:8125", "127.0.0.1:%d" % self.udp).replace("127.0.0.1:9102", self.http)

    def theirs(self, text):
        """What was printed, by the addresses of the page."""
        return text.replace("127.0.0.1:%d" % self.udp, "127.0.0.1:8125").replace(self.http, "127.0.0.1:9102")

    def run(self, command):
        """(status, output); variables that a command sets stay."""
        if re.match(r'[A-Z]+="', command):
            self.prelude += command + "\n"
        got = subprocess.run(["bash", "-c", self.prelude + self.mine(command)], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60 * harness.SLOW)
        return got.returncode, self.theirs(got.stdout.decode("utf-8", "replace"))


def timeless(text):
    return [re.sub(r"\b1[0-9]{9}([0-9]{3})?\b( [0-9a-f]{8}\b)?", "TIME", l) for l in text.rstrip("\n").split("\n")]


def words(text):
    """What of it is neither a number nor made of one."""
    return {w for w in re.split(r"[\s\"',{}\[\]()]+", text) if re.search(r"[A-Za-z]", w) and not re.search(r"\d", w)}


def agrees(command, shown, status, printed, exact):
    if not shown:
        return status in (0, 124 if " -sN " in command else 0)
    text = "\n".join(shown)
    if exact:
        return timeless(printed) == timeless(text)
    return printed.strip() != "" and words(text) - TO_TERMINALS <= words(printed) and ("(error)" in printed) == ("(error)" in text)


def follow(scene, page, exact):
    """Run what a page shows; exact: whether it prints that to the letter, or what says so of a command.  Returns how many were run."""
    ran = 0
    for command, shown in doc_commands.commands(read(page)):
        if reason(page, command) is not None:
            continue
        if not shown:
            command = re.sub(r"\bcurl ", "curl -f ", command)
        to_the_letter, seen = exact(command) if callable(exact) else exact, []

        def well():
            seen.append(scene.run(command))
            return agrees(command, shown, *seen[-1], to_the_letter)
        if shown or command.startswith("tcpdump"):     # the file of a capture is whole a moment after its end
            with contextlib.suppress(AssertionError):
                wait_for(well, command, every=0.05)
        else:
            well()
        status, printed = seen[-1]
        assert agrees(command, shown, status, printed, to_the_letter), \
            "%s\nends with %d and prints:\n%s\nis to print:\n%s" % (command, status, printed, "\n".join(shown))
        ran += 1
    return ran
