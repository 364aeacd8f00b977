#!/usr/bin/python3
"""The part of newcomer.sh that reads the pages.

    newcomer.py packages             the packages that the pages' commands install
    newcomer.py walk PID FOLDER      does in the root of process PID, in its clone /srv/statsd, what README.md, docs/install.md and
                                     docs/tutorial-flask.md say; FOLDER gets the log
    newcomer.py dashboard            asks the tutorial's Prometheus every query of the Flask dashboard
"""
import os
import re
import signal
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import dashboards  # noqa: E402

# The tutorial's first terminal: the packaged server runs already.
NOT_RUN = {"statsd"}
METRICS = "http://127.0.0.1:9102/metrics"
# Each runs in a terminal of its own, until this answers.
SERVERS = {"gunicorn": "http://127.0.0.1:8000/orders/0", "prometheus": "http://127.0.0.1:9091/-/ready"}
# Panels for which the tutorial makes nothing: nobody orders.
EMPTY = {"Orders per minute"}
# What `make run` and `make deb` install (tests/support/deps.sh).
MAKE_GROUPS = ("build", "run", "test", "package")
# Where no systemd is.
NO_SYSTEMD = ("systemctl", "journalctl")


def read(page):
    with open(os.path.join(TOP, page), encoding="utf-8") as f:
        return f.read()


def transcripts(text):
    """[(command, lines shown)]: of indented blocks that begin with `$ `.  A command with <<'END' goes on to END."""
    found = []
    for block in re.findall(r"(?:^    .*\n)+", text, flags=re.M):
        lines, document = [line[4:] for line in block.splitlines()], False
        if not lines[0].startswith("$ "):
            continue
        for line in lines:
            if document:
                found[-1][0] += "\n" + line
                document = line != "END"
            elif line.startswith("$ "):
                found.append([line[2:], []])
                document = "<<'END'" in line
            else:
                found[-1][1].append(line)
    return found


def block_after(text, words):
    """The commands of the indented block that follows the words."""
    return re.search(re.escape(words) + r"(?s:.*?)\n\n((?:    .*\n)+)", text).group(1).replace("\n    ", "\n").strip().splitlines()


def alike(lines):
    """Times and values differ from run to run, and so may the order of lines."""
    return sorted(re.sub(r"[0-9][0-9.:e-]*", "N", line) for line in lines if line)


class Root:
    def __init__(self, pid, folder):
        self.enter = ["nsenter", "--target", pid, "--mount", "--pid", "--ipc", "--uts", "--net", "--root", "--wd", "env", "--chdir=/srv/statsd"]
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/srv", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        self.log = open(os.path.join(folder, "log"), "w", encoding="utf-8")

    def run(self, command):
        got = subprocess.run(self.enter + ["bash", "-c", command], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.log.write("$ %s\n%s%s" % (command, got.stdout, got.stderr))
        self.log.flush()
        return got

    def does(self, command):
        got = self.run(command)
        assert got.returncode == 0, "%s\n%s%s" % (command, got.stdout[-4000:], got.stderr[-4000:])

    def start(self, command, answers, seconds=30):
        """In a terminal of its own, until stop() or the root's end."""
        self.log.write("$ %s &\n" % command)
        self.log.flush()
        started = subprocess.Popen(self.enter + ["setsid", "bash", "-c", "echo $$ >/tmp/started; " + command], env=self.env, stdin=subprocess.DEVNULL,
                                   stdout=self.log, stderr=self.log)
        end = time.monotonic() + seconds
        while self.run("curl -sf -o /dev/null " + answers).returncode:
            assert started.poll() is None and time.monotonic() < end, "%s: %s does not answer" % (command, answers)
            time.sleep(0.2)
        return started

    def stop(self, started):
        """Ctrl-C in the terminal of what was started last."""
        self.does("kill -INT -- -$(cat /tmp/started)")
        status = started.wait(30)
        assert status in (0, 2, -signal.SIGINT, 128 + signal.SIGINT), "Ctrl-C: it ended with %d" % status

    def shows(self, command, shown):
        """It prints what the page says; a value that the server gives out at the end of an interval may take that long."""
        end = time.monotonic() + 15
        while True:
            got = self.run(command)
            out, page = alike(got.stdout.splitlines()), alike(shown)
            if got.returncode:                          # on purpose: grep -c of nothing, explain of a mistake
                right = page and set(page) <= set(out)
            else:
                right = out == page if shown and command.split()[0] == "curl" else out or not shown
            if right:
                return
            assert time.monotonic() < end, "%s\n%s%s\nthe page shows\n%s" % (command, got.stdout, got.stderr, "\n".join(shown))
            time.sleep(1)


def did(command):
    print("ok      " + command.splitlines()[0][:150], flush=True)


def first_page(root):
    """README.md: `make run`, and what it shows beside that."""
    text = read("README.md")
    command, = block_after(text, "## Run it")
    began = time.monotonic()
    running = root.start("exec " + command, METRICS, 600)
    did("%s     # it answers after %d s" % (command, time.monotonic() - began))
    for command, shown in transcripts(text):
        root.shows(command, shown)
        did(command)
    root.stop(running)
    did("Ctrl-C")


def install(root):
    """The package by docs/install.md, and its server where no systemd is."""
    text = read("docs/install.md")
    build, command = block_after(text, "As a package")
    root.does(build)
    did(build)
    # A person is asked whether to go on.
    root.does(command.replace("apt-get install", "apt-get install -y"))
    did(command)
    *ahead, server = block_after(text, "**Without systemd**")
    for command in ahead:
        root.does(command)
        did(command)
    root.start("exec " + server, METRICS)
    did(server)


def walk(pid, folder):
    root = Root(pid, folder)
    tutorial = transcripts(read("docs/tutorial-flask.md"))
    packages = [c for c, _ in tutorial if c.startswith("apt-get ")]
    assert packages, "the tutorial installs nothing"
    first_page(root)
    install(root)
    # A change of folder holds for what is started in that terminal.
    folder_now = ""
    for command, shown in transcripts(read("docs/install.md")) + tutorial:
        word = command.split()[0]
        if command in NOT_RUN or word in NO_SYSTEMD:
            continue
        if command in packages:
            root.does(command.replace("install", "install -y", 1))
        elif word == "cd":
            folder_now = command + " && "
            root.does(command)
        elif word in SERVERS:
            root.start(folder_now + "exec " + command, SERVERS[word])
            folder_now = ""
        else:
            root.shows(command, shown)
        did(command)


def dashboard():
    source = dashboards.Source("127.0.0.1:9091")
    flask = dashboards.load("red-flask.json")
    values = source.filled(flask, rate_interval="1m", span="5m")
    asked, empty = 0, set()
    for panel in dashboards.panels(flask):
        for target in panel["targets"]:
            expr = dashboards.fill(target["expr"], values)
            assert source.over(expr, 60, "5s"), "%s: nothing for %s" % (panel["title"], expr)
            # Not the line at 0 that stands in for nothing, and no quantile of nothing (not a number).
            if not any(v == v for _, points in source.over(dashboards.without_fallback(expr), 60, "5s") for _, v in points):
                empty.add(panel["title"])
            asked += 1
    assert empty == EMPTY, "nothing for %s" % ", ".join(sorted(empty ^ EMPTY))
    print("ok      the Flask dashboard: %d queries, each answered by the Prometheus of the tutorial, all but %s with data" % (asked, ", ".join(EMPTY)))


def main(what, *words):
    if what == "packages":
        listed = subprocess.run([os.path.join(TOP, "tests", "support", "deps.sh"), "--list"], capture_output=True, text=True, check=True).stdout
        names = [line.split()[1] for line in listed.splitlines() if line.split()[0] in MAKE_GROUPS]
        for command, _ in transcripts(read("docs/tutorial-flask.md")):
            if command.startswith("apt-get "):
                names += [word for word in command.split()[2:] if not word.startswith("-")]
        print(" ".join(names))
    elif what == "walk":
        walk(*words)
    else:
        dashboard()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AssertionError as e:
        sys.exit("FAILED  %s" % e)
