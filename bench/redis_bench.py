"""What the benchmarks of Redis share: a Redis (or the masters of a cluster) of our own, its figures, and bench/redis/fleet between them."""

import contextlib
import pathlib
import re
import subprocess
import tempfile
import time

import redis

import harness as h

SLOTS = 16384
REFERENCE = h.ROOT / "bench/redis/flush_reference.lua"
MIX = {"counters": 70, "gauges": 15, "timers": 13, "sets": 2}
KINDS = tuple(MIX)
# Hashes are tables from the first field, as a fleet's are: up to 512 fields they would be lists, which are searched from the front.
TABLES = ("--hash-max-listpack-entries", "0")


def only(kind):
    return {k: 100 if k == kind else 0 for k in KINDS}


class Node:
    """A redis-server without persistence, on a Unix socket, or as a master of a cluster on a port."""

    def __init__(self, folder, name="0", port=0, settings=(), core=None):
        self.folder, self.port = pathlib.Path(folder), port
        self.socket = self.folder / f"redis-{name}.sock"
        self.command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no",
                        "--unixsocket", self.socket, "--lazyfree-lazy-expire", "yes", *settings]
        if port:
            self.command += ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{name}.conf"]
        self.core = core

    @contextlib.contextmanager
    def running(self):
        with h.process(self.command, self.core, log=self.folder / f"{self.socket.stem}.log") as child:
            self.pid = child.pid
            self.client = redis.Redis(unix_socket_path=str(self.socket))
            until = time.monotonic() + 20
            while not self.answers():
                if time.monotonic() > until or child.poll() is not None:
                    raise RuntimeError("redis-server does not start")
                time.sleep(0.05)
            yield self
            self.client.close()

    def answers(self):
        try:
            return self.client.ping()
        except redis.exceptions.RedisError:
            return False

    def figures(self):
        """CPU seconds of the process and of EVALSHA alone, calls of it, bytes that came in, memory."""
        info, commands = self.client.info("all"), self.client.info("commandstats")
        evalsha = commands.get("cmdstat_evalsha", {"usec": 0, "calls": 0})
        return {"cpu": info["used_cpu_user"] + info["used_cpu_sys"], "script": evalsha["usec"] / 1e6, "calls": evalsha["calls"],
                "in": info["total_net_input_bytes"], "memory": info["used_memory"]}


@contextlib.contextmanager
def one_redis(settings=(), core=None):
    with tempfile.TemporaryDirectory(prefix="sdb") as folder, Node(folder, settings=settings, core=core).running() as node:
        yield [node]


@contextlib.contextmanager
def cluster(masters):
    """So many masters without replicas; the slots shared out in order."""
    with tempfile.TemporaryDirectory(prefix="sdb") as folder, contextlib.ExitStack() as stack:
        nodes = []
        for i in range(masters):
            port = h.free_port(kind=1)
            while port > 55535:   # the bus has a port 10,000 above
                port = h.free_port(kind=1)
            nodes.append(stack.enter_context(Node(folder, str(i), port, core=f"{h.SENDER_CORE},{h.RECEIVER_CORE}").running()))
        for i, node in enumerate(nodes):
            first, end = -(-i * SLOTS // masters), -(-(i + 1) * SLOTS // masters)
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        until = time.monotonic() + 30
        while not all(b"cluster_state:ok" in n.client.execute_command("CLUSTER", "INFO") for n in nodes):
            if time.monotonic() > until:
                raise RuntimeError("the cluster does not come up")
            time.sleep(0.1)
        yield nodes


def added(before, after):
    return {k: after[k] - before[k] for k in before}


def summed(figures):
    return {k: sum(f[k] for f in figures) for k in figures[0]}


class Fleet:
    """bench/redis/fleet, flush by flush."""

    def __init__(self, build, nodes, reference=False, core=None, **options):
        self.nodes = nodes
        where = ",".join(str(n.port or n.socket) for n in nodes)
        words = [f"{k}={v}" for k, v in options.items()] + [f"nodes={where}", "flushes=1000000"]
        words += [f"reference={REFERENCE}"] if reference else []
        self.child = subprocess.Popen(h.pinned(h.SENDER_CORE if core is None else core, [build / "bench/fleet", *words]), text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(10)
        self.child.stdout.close()
        self.child.stderr.close()

    def flush(self):
        """Once, by all instances.  returns  figures of the fleet and, over all nodes, of Redis"""
        before = summed([n.figures() for n in self.nodes])
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        lines = []
        for line in self.child.stdout:
            if line == "\n":
                break
            lines.append(line)
        else:
            raise RuntimeError(f"fleet ended: {self.child.stderr.read().strip()}")
        found = {k: v for k, (v, _) in h.result_lines("".join(lines)).items()}
        found["fleet_cpu"] = found.pop("cpu")
        return {**found, **added(before, summed([n.figures() for n in self.nodes]))}


def version():
    found = re.search(r"v=(\S+)", h.first_line(["redis-server", "--version"]))
    return found.group(1) if found else "?"
