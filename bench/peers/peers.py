"""The other servers: how each is had, started and read.  Each class is one; what cannot be had is skipped with a reason."""

import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness as h  # noqa: E402

PLACE = h.ROOT / "build/peers"


class Unavailable(Exception):
    pass


def attempt(what, command, cwd=None, env=None, seconds=600):
    """A package manager's own client; its failure is a reason to skip, not an error."""
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{what}: no answer within {seconds} s") from late
    if done.returncode != 0:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise Unavailable(f"{what}: {said[-1].strip()[:120] if said else 'failed'}")


def debian(package, *programs):
    """Unpack a Debian package beside us: no service is installed, nothing of the system changes."""
    tree = PLACE / "debian"
    if all((tree / p).exists() for p in programs):
        return tree
    tree.mkdir(parents=True, exist_ok=True)
    attempt(f"apt-get download {package}", ["apt-get", "download", package], cwd=PLACE)
    for deb in PLACE.glob(f"{package}_*.deb"):
        attempt(f"dpkg -x {deb.name}", ["dpkg", "-x", str(deb), str(tree)])
    return tree


def go(module, program):
    if not (PLACE / program).exists():
        attempt(f"go install {module}", ["go", "install", module], cwd="/", env={**h.os.environ, "GOBIN": str(PLACE)})
    return PLACE / program


class Peer:
    name, settings, tags = "", "", False
    lines_metric = ""       # its own counter of lines, where it has queues between the socket and its tables

    def install(self):
        """raises  Unavailable"""

    def workers(self, cores):
        """How many threads can read one port, on that many cores."""
        return 1

    def version(self):
        return ""

    def command(self, port, http, scratch, workers=1):
        """What to start; scratch is a directory for its configuration, workers: threads that read, at most workers()."""
        raise NotImplementedError

    def metrics(self, http):
        return f"http://127.0.0.1:{http}/metrics" if self.lines_metric else None


class Ours(Peer):
    name, tags = "statsd (this project)", True
    settings = "one worker, receive buffer 64 MiB"

    def __init__(self, build):
        self.build = build

    def install(self):
        if not (self.build / "statsd").exists():
            raise Unavailable("not built")

    def workers(self, cores):
        return cores

    def version(self):
        return h.first_line([self.build / "statsd", "--version"])

    def command(self, port, http, scratch, workers=1):
        return [self.build / "statsd", "--set", f"listen.socket=udp://127.0.0.1:{port}?rcvbuf={h.RECEIVE_BUFFER >> 20}MiB",
                "--set", f"http.listen=127.0.0.1:{http}", "--set", f"server.workers={workers}"]

    lines_metric = "statsd_samples_aggregated_total"


class Floor(Peer):
    """Not a server: what reading alone costs."""
    name, tags = "(bare receiver: the floor)", True
    settings = "epoll and recvmmsg(64), datagrams thrown away, receive buffer 64 MiB"

    def __init__(self, build):
        self.build = build

    def workers(self, cores):
        return cores

    def install(self):
        if not (self.build / "bench/floor_recv").exists():
            raise Unavailable("not built")

    def command(self, port, http, scratch, workers=1):
        return [self.build / "bench/floor_recv", "epoll", port, h.RECEIVE_BUFFER, workers]


class Exporter(Peer):
    name, tags = "statsd_exporter", True
    settings = "read-buffer 64 MiB, udp-packet-queue-size 100000"
    lines_metric = "statsd_exporter_events_total"   # lines are counted before its queue, events behind it

    def install(self):
        self.path = go("github.com/prometheus/statsd_exporter@latest", "statsd_exporter")

    def version(self):
        built = h.first_line(["sh", "-c", f"go version -m '{self.path}' | grep -m1 '\tmod'"]).split()
        return f"{built[2] if len(built) > 2 else '?'}, {h.first_line(['go', 'version']).split()[2]}"

    def command(self, port, http, scratch, workers=1):
        return [self.path, f"--statsd.listen-udp=127.0.0.1:{port}", "--statsd.listen-tcp=", f"--web.listen-address=127.0.0.1:{http}",
                f"--statsd.read-buffer={h.RECEIVE_BUFFER}", "--statsd.udp-packet-queue-size=100000"]


class Gostatsd(Peer):
    name, tags = "gostatsd", True
    settings = "backend stdout off, max-readers 1, receive-batch-size 50"

    def install(self):
        self.path = go("github.com/atlassian/gostatsd/cmd/gostatsd@latest", "gostatsd")

    def version(self):
        return h.first_line([self.path, "--version"])

    def command(self, port, http, scratch, workers=1):
        return [self.path, "--backends=null", f"--metrics-addr=127.0.0.1:{port}", "--max-readers=1", "--receive-batch-size=50"]


class Etsy(Peer):
    name, settings = "statsd (etsy, Node.js)", "no backend, flush every 10 s"

    def install(self):
        self.tree = PLACE / "npm"
        if not (self.tree / "node_modules/statsd/stats.js").exists():
            self.tree.mkdir(parents=True, exist_ok=True)
            attempt("npm install statsd", ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional",
                                           "--prefix", str(self.tree), "statsd"])

    def version(self):
        package = h.json.loads((self.tree / "node_modules/statsd/package.json").read_text())
        return f"{package['version']}, Node.js {h.first_line(['node', '--version'])}"

    def command(self, port, http, scratch, workers=1):
        config = scratch / "config.js"
        config.write_text(f'{{ port: {port}, address: "127.0.0.1", mgmt_port: {http}, mgmt_address: "127.0.0.1", backends: [], '
                          'flushInterval: 10000 }\n')
        return ["node", self.tree / "node_modules/statsd/stats.js", config]


class Netdata(Peer):
    name = "netdata"
    settings = "statsd plugin alone, 64 datagrams a call, no private charts, mode ram"

    def install(self):
        self.path = debian("netdata-core", "usr/sbin/netdata") / "usr/sbin/netdata"

    def version(self):
        return h.first_line([self.path, "-v"])

    def command(self, port, http, scratch, workers=1):
        for name in ("cache", "lib", "log", "home", "web", "plugins"):
            (scratch / name).mkdir(exist_ok=True)
        plugins = "\n".join(f"    {p} = no" for p in ("proc", "cgroups", "tc", "idlejitter", "diskspace", "timex", "checks", "apps",
                                                     "python.d", "charts.d", "go.d", "node.d", "ebpf", "slabinfo", "perf", "ioping",
                                                     "cups", "fping", "nfacct", "xenstat", "freeipmi", "profile", "enable running new plugins"))
        config = scratch / "netdata.conf"
        config.write_text(f"""
[global]
    run as user = {h.first_line(["id", "-un"])}
[directories]
    config = {scratch}
    stock config = {scratch}
    health config = {scratch}
    stock health config = {scratch}
    cache = {scratch}/cache
    lib = {scratch}/lib
    log = {scratch}/log
    home = {scratch}/home
    web = {scratch}/web
    plugins = {scratch}/plugins
[logs]
    debug = none
    error = none
    access = none
[db]
    mode = ram
[web]
    mode = none
[health]
    enabled = no
[ml]
    enabled = no
[plugins]
    statsd = yes
    netdata monitoring = no
{plugins}
[statsd]
    enabled = yes
    bind to = udp:127.0.0.1:{port}
    udp messages to process at once = 64
    create private charts for metrics matching = !*
""")
        return [self.path, "-D", "-c", config]


class Collectd(Peer):
    name, settings = "collectd", "statsd plugin alone, interval 10 s"

    def install(self):
        debian("libltdl7", "usr/lib")
        self.tree = debian("collectd-core", "usr/sbin/collectd")

    def version(self):
        return h.first_line(["sh", "-c", f"'{self.tree}/usr/sbin/collectd' -h | grep -o 'collectd [0-9][0-9.]*'"])

    def command(self, port, http, scratch, workers=1):
        config = scratch / "collectd.conf"
        config.write_text(f"""
BaseDir "{scratch}"
PIDFile "{scratch}/pid"
PluginDir "{self.tree}/usr/lib/collectd"
TypesDB "{self.tree}/usr/share/collectd/types.db"
Interval 10
LoadPlugin statsd
<Plugin statsd>
    Host "127.0.0.1"
    Port "{port}"
    TimerPercentile 90.0
</Plugin>
""")
        return [self.tree / "usr/sbin/collectd", "-f", "-C", config]


def everybody(build):
    return [Floor(build), Ours(build), Exporter(), Gostatsd(), Etsy(), Netdata(), Collectd()]


def free_http():
    return h.free_port(socket.SOCK_STREAM)
