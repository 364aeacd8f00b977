"""What run.py and peers/run.py share: the machine, pinned processes, the tools' results, Markdown tables."""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECEIVE_BUFFER = 64 << 20   # asked for by every receiver; the kernel doubles it


def cores():
    """The core of the sender and the core of the receiver; the same one where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


SENDER_CORE, RECEIVER_CORE = cores()


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ((done.stdout or "") + (done.stderr or "")).strip().split("\n")[0]


def machine(compiler="cc"):
    """What a figure depends on; no names of hosts or paths."""
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", info)
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    governor = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    rows = [
        ("CPU", f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores"
                + (", virtual" if " hypervisor" in info else "")),
        ("Memory", f"{int(memory.group(1)) / 1048576:.1f} GiB" if memory else "?"),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("Compiler", first_line([compiler, "--version"])),
        ("Source", first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]) or "unknown"),
        ("Pinning", f"sender on core {SENDER_CORE}, receiver on core {RECEIVER_CORE}"),
    ]
    if governor.exists():
        rows.append(("Governor", governor.read_text().strip()))
    return rows


def table(head, rows):
    out = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    out += ["| " + " | ".join(str(c) for c in row) + " |" for row in rows]
    return "\n".join(out) + "\n"


def number(value, digits=3):
    """Three significant digits, thousands separated; n/a for what is not known."""
    if value is None:
        return "n/a"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        step = 10 ** max(0, len(str(int(abs(value)))) - digits)
        return f"{round(value / step) * step:,}"
    return f"{value:.{digits}g}"


def ratio(value, floor):
    return "n/a" if not value or not floor else f"{value / floor:.2f}"


def pinned(core, command):
    return ["taskset", "-c", str(core), *map(str, command)]


def result_lines(text):
    """returns  {name: (value, unit)}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("RESULT\t"):
            _, name, value, unit = line.split("\t")
            found[name] = (float(value), unit)
    return found


def results(command, core=None, timeout=600, env=None):
    """Run a tool that prints RESULT lines; env: added to ours.  returns  {name: (value, unit)}"""
    command = pinned(RECEIVER_CORE if core is None else core, command)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})})
    if done.returncode != 0:
        raise RuntimeError(f"{pathlib.Path(command[3]).name} failed: {done.stderr.strip()}")
    return result_lines(done.stdout)


def variants(build):
    """Of the parser, those that this CPU can run, best first."""
    found = subprocess.run([build / "bench/micro_aggregate"], env={"BENCH_CPU": "list"}, capture_output=True, text=True, timeout=30, check=True)
    return found.stdout.split()


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(command, core=None, env=None, cwd=None, log=None):
    """A process pinned to a core, ended by its own id: TERM, and KILL when it does not listen."""
    core = RECEIVER_CORE if core is None else core
    out = open(log, "wb") if log else subprocess.DEVNULL
    child = subprocess.Popen(pinned(core, command), stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd,
                             stdin=subprocess.DEVNULL)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal.SIGCONT)
            child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(10)
        if log:
            out.close()


def wait_for_udp(port, child, seconds=20):
    """Until somebody has bound the port.  returns  False when the process ended or time is up"""
    want = f":{port:04X} "
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.poll() is None:
        for path in ("/proc/net/udp", "/proc/net/udp6"):
            with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
                if any(want in line.split("rem")[0][:60] for line in f.readlines()[1:]):
                    time.sleep(0.3)
                    return True
        time.sleep(0.05)
    return False


class Server:
    """Our server on free ports."""

    def __init__(self, build, *settings, workers=1, core=None, rcvbuf=RECEIVE_BUFFER):
        self.port, self.http = free_port(), free_port(socket.SOCK_STREAM)
        self.metrics = f"http://127.0.0.1:{self.http}/metrics"
        options = [f"listen.socket=udp://127.0.0.1:{self.port}" + (f"?rcvbuf={rcvbuf >> 20}MiB" if rcvbuf else ""),
                   f"http.listen=127.0.0.1:{self.http}", f"server.workers={workers}", *settings]
        self.core = core
        self.command = [build / "statsd"] + [a for o in options for a in ("--set", o)]

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        child = self.stack.enter_context(process(self.command, self.core))
        self.pid = child.pid
        if not wait_for_udp(self.port, child):
            self.stack.close()
            raise RuntimeError("the server did not start")
        return self

    def __exit__(self, *what):
        return self.stack.__exit__(*what)

    def rss_mib(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1048576


def udp_drops(port):
    """Datagrams that the kernel dropped at the sockets of that port, of this machine."""
    rows = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[-1]) for row in rows if int(row[1].split(":")[1], 16) == port)


def load(build, to, *options, pid=None, metrics=None, timeout=300):
    """statsd-bench against a port of UDP, or an address.  returns  its JSON report"""
    to = to if isinstance(to, str) else f"udp://127.0.0.1:{to}"
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [build / "statsd-bench", "--to", to, "--quiet", "--json", report.name, *options]
        command += ["--pid", pid] if pid else []
        command += ["--metrics", metrics] if metrics else []
        done = subprocess.run(pinned(SENDER_CORE, command), capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode == 2 or os.path.getsize(report.name) == 0:
            raise RuntimeError(f"statsd-bench: {done.stderr.strip()}")
        return json.load(report)


def drain(build, port, pid, *options):
    found = results([build / "bench/drain", "--port", port, "--pid", pid, *options], core=SENDER_CORE)
    return {name: value for name, (value, _) in found.items()}


@contextlib.contextmanager
def floor_receiver(build, mode, threads=1, core=None, spread=False):
    port = free_port()
    with process([build / "bench/floor_recv", mode, port, RECEIVE_BUFFER, threads, *(["spread"] if spread else [])], core) as child:
        if not wait_for_udp(port, child):
            raise RuntimeError("floor_recv did not start")
        yield port, child.pid


def write_results(text, suffix=""):
    short = first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]) or "unknown"
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    directory = ROOT / "bench/results"
    directory.mkdir(exist_ok=True)
    path = directory / f"{day}-{short}{suffix}.md"
    path.write_text(text)
    return path.relative_to(ROOT)


def say(text):
    print(text, file=sys.stderr, flush=True)
