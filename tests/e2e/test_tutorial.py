"""docs/tutorial-flask.md from its first command to its last, where Debian's Flask, gunicorn and Prometheus are."""
import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess

import pytest

import harness
from doc_scene import TUTORIAL, Scene, follow
from harness import wait_for

pytestmark = [pytest.mark.plain, pytest.mark.prometheus]
IN_BACKGROUND = r"statsd|gunicorn .*|prometheus .*"


def has_flask():
    return all(shutil.which(p, path="/usr/bin") for p in ("gunicorn", "prometheus", "promtool")) and \
        subprocess.run(["/usr/bin/python3", "-c", "import flask"], capture_output=True).returncode == 0


def free_ports(n):
    with contextlib.ExitStack() as open_:
        ports = []
        for _ in range(n):
            s = open_.enter_context(socket.socket())
            s.bind(("127.0.0.1", 0))
            ports.append(s.getsockname()[1])
        return ports


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Terminals(Scene):
    """What runs in the other terminals is started, waited for and ended; a `cd` is for the next of them."""

    def __init__(self, folder):
        udp, http, app, prometheus = free_ports(4)
        super().__init__(folder, udp, "127.0.0.1:%d" % http, "")
        self.env.update(STATSD_ADDRESS="127.0.0.1:%d" % udp, STATSD_LISTEN_SOCKET="udp://127.0.0.1:%d" % udp,
                        STATSD_HTTP_LISTEN="127.0.0.1:%d" % http)
        self.ports = {"127.0.0.1:8000": "127.0.0.1:%d" % app, "127.0.0.1:9091": "127.0.0.1:%d" % prometheus}
        self.ready = {"statsd": http, "gunicorn": app, "prometheus": prometheus}
        self.children, self.next_folder = [], folder

    def mine(self, command):
        command = super().mine(command)
        for theirs, ours in self.ports.items():
            command = command.replace(theirs, ours)
        # A minute of visitors is two seconds, and a scrape comes more often.
        return command.replace("seq 60", "seq 3").replace("sleep 1;", "sleep 0.2;").replace("scrape_interval: 5s", "scrape_interval: 250ms")

    def run(self, command):
        if command.startswith("cd "):
            self.next_folder = os.path.join(self.folder, command[3:])
            return 0, ""
        if not re.fullmatch(IN_BACKGROUND, command):
            return super().run(command)
        log = open(os.path.join(self.folder, "log.%d" % len(self.children)), "w+b")
        child = subprocess.Popen(["bash", "-c", "exec " + self.mine(command)], cwd=self.next_folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.children.append((child, log))
        self.next_folder = self.folder
        wait_for(lambda: child.poll() is not None or listens(self.ready[command.split()[0]]), command, 20 * harness.SLOW, every=0.05)
        log.seek(0)
        return child.poll() or 0, log.read().decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child, log in reversed(self.children):
            harness.stop(child)
            log.close()


@pytest.mark.skipif(not has_flask(), reason="no Flask, gunicorn or Prometheus of Debian")
def test_the_tutorial_works_as_it_is_written(tmp_path):
    with Terminals(str(tmp_path / "scene")) as scene:
        ran = follow(scene, TUTORIAL, lambda command: not re.search(r"promtool|top --once|duration|conservation|shop_gunicorn", command))
        assert ran > 20 and len(scene.children) == 3
        assert glob.glob(os.path.join(scene.folder, "data", "*"))      # of that Prometheus
