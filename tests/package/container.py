#!/usr/bin/python3
"""The container image: built by the Containerfile, run as docs/containers.md says, and looked at from outside.  `make container-test`.

    container.py [podman|folders]

podman      what people do: `podman build`, `podman run`.  On a base that mmdebstrap makes, so that nothing but Debian's packages is fetched.
folders     where there is no builder: the lines of the Containerfile are carried out in two folders, and the server is process 1 of
            namespaces of its own there, on the ports of the image: the network is one of its own, too.

Without a word it is podman where that is installed.  Root is needed for either.
"""
import contextlib
import ctypes
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
OUT = os.path.join(TOP, "build", "container")
USER = 8125
# The host name of a container is another one each time, and a state is of one instance.
STATE = {"STATSD_SERVER_STATE_DIR": "/var/lib/statsd", "STATSD_SERVER_INSTANCE": "here"}


def say(text):
    print("container: " + text, flush=True)


def do(*words, **more):
    """A command to its end; what it says is kept for when it fails."""
    got = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if got.returncode != 0:
        sys.exit("container: %s: status %d\n%s" % (shlex.join(words)[:200], got.returncode, got.stdout.decode("utf-8", "replace")[-4000:]))
    return got.stdout.decode("utf-8", "replace")


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            sys.exit("container: waited in vain for: " + what)
        time.sleep(0.02)


def leave_the_network():
    """From here on this process and what it starts have a network of their own, of which only lo is there: every port is free."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        sys.exit("container: no network of its own: " + os.strerror(ctypes.get_errno()))
    do("ip", "link", "set", "lo", "up")


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- the Containerfile

def read(text):
    """[(WORD, the rest)]; lines that go on are one."""
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.M)
    return [(m.group(1), m.group(2).strip()) for m in re.finditer(r"^([A-Z]+)\s+((?:.*\\\n)*.*)$", lines, flags=re.M)]


class Stage:
    """What the steps after one FROM come to; `folder` is where they are carried out."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.work, self.args, self.words = "/", {}, {}

    def path(self, inside):
        return os.path.join(self.folder, os.path.join(self.work, inside).lstrip("/"))

    def copy(self, words, stages):
        source = TOP
        if words[0].startswith("--from="):
            source = stages[words.pop(0)[7:]].folder
        *what, to = words
        for one in what:
            place, target = os.path.join(source, one.lstrip("/")), self.path(to)
            if os.path.isdir(place):
                shutil.copytree(place, target, dirs_exist_ok=True)
                continue
            if to.endswith("/"):
                target = os.path.join(target, os.path.basename(one))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(place, target)

    def run(self, command):
        """As a builder does: /bin/sh -c, and the names of this machine for apt."""
        names = self.path("/etc/resolv.conf")
        shutil.copy("/etc/resolv.conf", names)
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", **self.args}
        do("unshare", "--mount", "--pid", "--fork", "sh", "-ec", 'mount -t proc proc "$0/proc"; exec chroot "$0" /bin/sh -c "$1"',
           self.folder, "cd %s && %s" % (self.work, command), env=env)
        os.remove(names)

    def step(self, word, rest, stages):
        if word == "WORKDIR":
            self.work = rest
            os.makedirs(self.path("."), exist_ok=True)
        elif word == "COPY":
            self.copy(rest.split(), stages)
        elif word == "RUN":
            self.run(rest)
        elif word == "ARG":
            name, _, default = rest.partition("=")
            self.args[name] = default
        elif word in ("USER", "ENTRYPOINT", "CMD", "HEALTHCHECK", "STOPSIGNAL", "LABEL", "EXPOSE"):
            self.words[word] = rest
        else:
            sys.exit("container: what does %s do?" % word)


def base():
    """Debian 12 without manuals and translations, as its slim image is."""
    tar = os.path.join(OUT, "base.tar")
    excluded = ["--dpkgopt=path-exclude=/usr/share/%s/*" % d for d in ("man", "locale", "info", "doc")]
    do("mmdebstrap", "--variant=minbase", "--quiet", *excluded, "--dpkgopt=path-include=/usr/share/doc/*/copyright", "bookworm", tar)
    return tar


def size_of(folder):
    return int(do("du", "-sxB1", folder).split()[0])


# --- two ways to build and run it

class Folders:
    udp, http = 8125, 9102

    def __init__(self):
        self.stages, self.process = {}, None

    def build(self, tar):
        with open(os.path.join(TOP, "Containerfile")) as f:
            steps = read(f.read())
        stage = None
        for word, rest in steps:
            if word == "FROM":
                name = rest.partition(" AS ")[2] or "last"
                stage = self.stages[name] = Stage(name, os.path.join(OUT, name))
                os.makedirs(stage.folder)
                do("tar", "-xf", tar, "-C", stage.folder)
                self.bare = size_of(stage.folder)
            elif stage:
                stage.step(word, rest, self.stages)
        self.last = stage
        os.makedirs(stage.path("/proc"), exist_ok=True)
        leave_the_network()

    def exposed(self):
        return set(self.last.words["EXPOSE"].split())

    def labels(self):
        return dict(one.partition("=")[::2] for one in shlex.split(self.last.words["LABEL"].replace("\\\n", " ")))

    def size(self):
        return size_of(self.last.folder), self.bare

    def start(self):
        """Process 1 of namespaces of its own, root mounted read-only, as the user of the image."""
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **STATE}
        user = self.last.words["USER"].split(":")
        command = json.loads(self.last.words["ENTRYPOINT"]) + json.loads(self.last.words["CMD"])
        script = ('mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; mount --bind "$1" "$0/var/lib/statsd"; mount -t proc proc "$0/proc"; '
                  'r=$0 u=$2 g=$3; shift 3; exec chroot "$r" setpriv --reuid="$u" --regid="$g" --clear-groups --bounding-set=-all --no-new-privs "$@"')
        volume = os.path.join(OUT, "volume")
        os.makedirs(volume, exist_ok=True)
        os.chown(volume, USER, USER)
        self.process = subprocess.Popen(["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "sh", "-ec", script, self.last.folder, volume, *user, *command],
                                        stdin=subprocess.DEVNULL, stdout=open(os.path.join(OUT, "log"), "ab"), env=self.env)

        def child():
            with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
                return f.read().split()
        self.pid = int(wait_for(child, "a process in the namespace")[0])

    def inside(self, *words):
        """A command in the namespaces of the server, as its user: (status, output)."""
        got = subprocess.run(["nsenter", "--target", str(self.pid), "--mount", "--pid", "--root", "--wd=/", "setpriv", "--reuid=%d" % USER,
                              "--regid=%d" % USER, "--clear-groups", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env)
        return got.returncode, got.stdout.decode()

    def healthy(self):
        return self.inside(*json.loads(self.last.words["HEALTHCHECK"].partition("CMD ")[2]))[0] == 0

    def log(self):
        with contextlib.suppress(OSError), open(os.path.join(OUT, "log")) as f:
            return f.read()
        return ""

    def term(self):
        os.kill(self.pid, 15)
        return self.process.wait(30)

    def end(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            self.process.wait()


class Podman:
    """Its storage lies below build/, and goes with the test."""

    def __init__(self):
        self.podman = ["podman", "--root", os.path.join(OUT, "storage"), "--runroot", os.path.join(OUT, "run"), "--cgroup-manager=cgroupfs",
                       "--events-backend=file", *(["--runtime=runc"] if shutil.which("runc") else [])]
        self.name = None

    def do(self, *words):
        return do(*self.podman, *words)

    def build(self, tar):
        self.do("import", "-q", tar, "localhost/base:12")
        self.do("build", "--format=docker", "--network=host", "--isolation=chroot", "--build-arg=BASE=localhost/base:12", "-t", "localhost/statsd", TOP)

    def size(self):
        one = lambda image: int(self.do("image", "inspect", "--format={{.Size}}", image))  # noqa: E731
        return one("localhost/statsd"), one("localhost/base:12")

    def exposed(self):
        return set(json.loads(self.do("image", "inspect", "--format={{json .Config.ExposedPorts}}", "localhost/statsd")))

    def labels(self):
        return json.loads(self.do("image", "inspect", "--format={{json .Config.Labels}}", "localhost/statsd"))

    def start(self):
        self.udp, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        if self.name:
            self.do("rm", self.name)
        most = os.sysconf("SC_OPEN_MAX")
        self.name = self.do("run", "-d", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--ulimit=nofile=%d:%d" % (most, most),
                            "--ulimit=nproc=4096:4096", "-p", "127.0.0.1:%d:9102" % self.http, "-p", "127.0.0.1:%d:8125/udp" % self.udp,
                            "-v", "state:/var/lib/statsd", *("--env=%s=%s" % item for item in STATE.items()), "localhost/statsd").split()[-1]

    def inside(self, *words):
        got = subprocess.run([*self.podman, "exec", self.name, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return got.returncode, got.stdout.decode()

    def healthy(self):
        return subprocess.run([*self.podman, "healthcheck", "run", self.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def log(self):
        return self.do("logs", self.name) if self.name else ""

    def term(self):
        self.do("stop", "-t", "30", self.name)
        return int(self.do("inspect", "--format={{.State.ExitCode}}", self.name))

    def end(self):
        if self.name:
            subprocess.run([*self.podman, "rm", "-f", self.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([*self.podman, "rmi", "-f", "-a"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# --- what has to hold

def get(image, path):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (image.http, path), timeout=5) as r:
        return r.read().decode()


def is_up(image):
    try:
        return get(image, "/-/ready") == "statsd is ready\n"
    except OSError:
        return False


def count(image, line):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(line.encode(), ("127.0.0.1", image.udp))


def hold(true, what):
    if not true:
        sys.exit("container: it does not hold that " + what)
    say("ok  " + what)


def listening(image):
    """ADDRESS:PORT/PROTOCOL of every socket that waits in the network of the server; the kernel shows addresses in hex, little-endian."""
    found = set()
    for protocol, state in (("udp", "07"), ("tcp", "0A")):
        for line in image.inside("cat", "/proc/net/" + protocol)[1].splitlines()[1:]:
            _, local, _, its_state = line.split()[:4]
            address, port = local.split(":")
            if its_state == state:
                found.add("%s:%d/%s" % (socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16), protocol))
    return found


def look(image):
    status = dict(re.findall(r"^(\w+):\s+(.*)$", image.inside("cat", "/proc/1/status")[1], flags=re.M))
    hold(status["Name"] == "statsd" and status["Pid"] == "1", "the server is process 1")
    hold(status["Uid"].split() == [str(USER)] * 4, "its user is %d" % USER)
    hold(int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1", "it has no capability, and nothing gives it one")
    hold(image.inside("cat", "/proc/1/task/1/children")[1].strip() == "", "it has no child: there is nothing for an init to wait for")
    hold(image.inside("touch", "/etc/statsd/x")[0] != 0, "the root is read-only")
    hold(image.inside("statsd", "check", "-c", "/etc/statsd/statsd.conf")[0] == 0, "statsd check takes the config of the image")
    hold(image.inside("statsd", "top", "--once", "--from", "http://127.0.0.1:9102")[0] == 0, "statsd top finds its library")
    hold(listening(image) == {"0.0.0.0:8125/udp", "0.0.0.0:9102/tcp"}, "it listens on every address, at the ports of its config")
    hold(image.exposed() == {one.rpartition(":")[2] for one in listening(image)}, "the image exposes these and no others")
    hold(image.inside("statsd", "--version")[1].split()[1] == image.labels()["org.opencontainers.image.version"], "the label of the image has its version")


def ends(image):
    began = time.monotonic()
    status = image.term()
    took = time.monotonic() - began
    hold(status == 0 and took < 5, "TERM ends it with 0 (%.1f s)" % took)


def check(image):
    image.start()
    wait_for(lambda: is_up(image), "the server to be ready")
    hold(image.healthy(), "its health check is content")
    count(image, "hello:3|c")
    wait_for(lambda: "\nhello 3\n" in get(image, "/metrics"), "a line on /metrics")
    look(image)
    ends(image)
    hold(not image.healthy(), "the health check of a server that is gone is not content")
    image.start()
    wait_for(lambda: is_up(image), "the server to be ready again")
    hold("\nhello 3\n" in get(image, "/metrics"), "the volume of the state has the counter")
    ends(image)
    whole, bare = image.size()
    hold(whole - bare < 40e6, "the image is %.0f MB, of which the base is %.0f" % (whole / 1e6, bare / 1e6))


def main(way=None):
    way = way or ("podman" if shutil.which("podman") else "folders")
    if os.geteuid() != 0:
        sys.exit("container: this takes root")
    if not shutil.which("mmdebstrap"):
        sys.exit("container: mmdebstrap is missing (apt-get install mmdebstrap)")
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    image = {"podman": Podman, "folders": Folders}[way]()
    began = time.monotonic()
    try:
        image.build(base())
        say("built by %s in %.0f s" % (way, time.monotonic() - began))
        check(image)
    except SystemExit:
        print(image.log()[-4000:])
        raise
    finally:
        image.end()
        shutil.rmtree(OUT, ignore_errors=True)
    say("all holds, by %s" % way)


if __name__ == "__main__":
    main(*sys.argv[1:])
