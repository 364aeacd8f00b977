#!/usr/bin/python3
"""The part of newcomer.sh that reads the pages.

    newcomer.py packages             the packages that the tutorial installs
    newcomer.py walk PID FOLDER      does in the root of process PID what docs/install.md and docs/tutorial-flask.md say; FOLDER gets the logs
    newcomer.py dashboard            asks the tutorial's Prometheus every query of the Flask dashboard
"""
import os
import re
import subprocess
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import dashboards  # noqa: E402

# What the tutorial means for who has a clone and built in it: the package has run the one, and has the other elsewhere.
NOT_RUN = {"statsd": "the packaged server runs"}
INSTEAD = {"cd contrib/examples/flask": "cd /usr/share/doc/statsd/examples/flask"}
# Each runs in a terminal of its own, until this answers.
SERVERS = {"gunicorn": "http://127.0.0.1:8000/orders/0", "prometheus": "http://127.0.0.1:9090/-/ready"}
# Panels for which the tutorial makes nothing: nobody orders.
EMPTY = {"Orders per minute"}
# Where no systemd is.
NO_SYSTEMD = ("systemctl", "journalctl")


def read(page):
    with open(os.path.join(TOP, "docs", page), encoding="utf-8") as f:
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
        self.enter = ["nsenter", "--target", pid, "--mount", "--pid", "--ipc", "--uts", "--net", "--root", "--wd", "env", "--chdir=/srv"]
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/srv", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        self.log = open(os.path.join(folder, "log"), "w")

    def run(self, command):
        got = subprocess.run(self.enter + ["bash", "-c", command], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.log.write("$ %s\n%s%s" % (command, got.stdout, got.stderr))
        self.log.flush()
        return got

    def start(self, command, answers):
        """In a terminal of its own: it ends with the root."""
        self.log.write("$ %s &\n" % command)
        self.log.flush()
        subprocess.Popen(self.enter + ["bash", "-c", "exec setsid " + command], env=self.env, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while self.run("curl -sf -o /dev/null " + answers).returncode:
            assert time.monotonic() < end, "%s: %s does not answer" % (command, answers)
            time.sleep(0.2)


def did(command):
    print("ok      " + command.splitlines()[0][:150], flush=True)


def install(root):
    text = read("install.md")
    _, command = block_after(text, "As a package")
    # A person is asked whether to go on.
    got = root.run(command.replace("apt-get install", "apt-get install -y"))
    assert got.returncode == 0, got.stderr
    did(command)
    *ahead, server = block_after(text, "**Without systemd**")
    for command in ahead:
        assert root.run(command).returncode == 0, command
        did(command)
    return server


def walk(pid, folder):
    root = Root(pid, folder)
    server = install(root)
    tutorial = transcripts(read("tutorial-flask.md"))
    packages = [c for c, _ in tutorial if c.startswith("apt-get ")]
    for command in packages:
        got = root.run(command.replace("install", "install -y", 1))
        assert got.returncode == 0, got.stdout + got.stderr
        did(command)
    root.start(server, "http://127.0.0.1:9102/metrics")
    did(server)
    # A change of folder holds for what is started in that terminal.
    folder_now = ""
    for command, shown in transcripts(read("install.md")) + tutorial:
        word = command.split()[0]
        if command in packages or command in NOT_RUN or word in NO_SYSTEMD:
            continue
        if command.startswith("cd "):
            folder_now = INSTEAD.get(command, command) + " && "
            assert root.run(folder_now + "true").returncode == 0, command
        elif word in SERVERS:
            root.start("bash -c '%s exec %s'" % (folder_now, command), SERVERS[word])
            folder_now = ""
        else:
            got = root.run(command)
            out, page = alike(got.stdout.splitlines()), alike(shown)
            if got.returncode:                          # on purpose: grep -c of nothing, explain of a mistake
                right = page and set(page) <= set(out)
            else:
                right = out == page if shown and word == "curl" else out or not shown
            assert right, "%s\n%s%s\nthe page shows\n%s" % (command, got.stdout, got.stderr, "\n".join(shown))
        did(command)


def dashboard():
    source = dashboards.Source("127.0.0.1:9090")
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
        for command, _ in transcripts(read("tutorial-flask.md")):
            if command.startswith("apt-get "):
                print(" ".join(word for word in command.split()[2:] if not word.startswith("-")))
    elif what == "walk":
        walk(*words)
    else:
        dashboard()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AssertionError as e:
        sys.exit("FAILED  %s" % e)
