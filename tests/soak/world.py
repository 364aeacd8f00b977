"""The server of the soak, the Redis beside it, and what may become of both."""
import contextlib
import os
import random
import shutil
import signal
import time

import harness
from harness import Redis, Server, wait_for

TTL_S = 30
KEPT_S = 8             # what Redis acknowledged is kept for 15 s, in case that it loses it; it takes a while to be there again
SETTLE_S = 60          # all was read after that, however slow the machine is
REDIS_S = 120          # and is in Redis, whatever became of it
LOG_LINES_A_MINUTE = 400
EXPECTED_ERRORS = {"reload refused", "redis refused", "redis refuses events: they wait"}
RULES = """mappings:
- match: "soak.dropped.*"
  name: "x"
  action: drop
- match: "soak.hist.*"
  name: "soak_hist_${1}"
  observer_type: histogram
  histogram_options: { buckets: [1, 10, 100, 1000] }
- match: "soak.moved.*"
  name: "soak_moved_%d_${1}"
  labels: { turn: "t%d" }
"""
BAD_RULES = ("mappings:\n- match: \"b*c\"\n  name: \"x\"\n", "mappings: [", "mappings:\n- nothing: 1\n", "\t")
OPTIONS = "[aggregate]\nquantiles = %s\n"
BAD_OPTIONS = ("[aggregate]\nquantiles = 7\n", "[no such section]\nx = 1\n", "[limits]\nmax_series = many\n")


class World:
    def __init__(self, folder, seed):
        self.folder, self.random = folder, random.Random(seed)
        self.state, self.mapping, self.config = (os.path.join(folder, n) for n in ("state", "mapping.yml", "statsd.conf"))
        os.mkdir(self.state)
        self.turn = 0
        self._write(RULES % (0, 0), OPTIONS % "0.5,0.99")
        self.redis = Redis(folder, appendonly=True, start=False)
        self.log_lines, self.begun, self.errors = 0, time.monotonic(), {}
        self.made = []
        self.read = {}                 # how much of the log of each server was looked at
        self.at = dict.fromkeys(("udp", "tcp", "http"), "127.0.0.1:0")

    def start(self):
        self.redis.start()
        self.server = self._make().__enter__()
        self.at = {proto: self.server.address(proto) for proto in self.at}      # each later one has the same: what it counts goes on

    def _write(self, rules, options):
        for path, text in ((self.mapping, rules), (self.config, options)):
            with open(path, "w") as f:
                f.write(text)

    def _make(self, takeover=False):
        sockets = ["udp://" + self.at["udp"], "unixgram://%s/dgram.sock" % self.folder, "tcp://" + self.at["tcp"],
                   "unix://%s/line.sock" % self.folder, "unix://%s/dsd.sock?framing=dsd" % self.folder]
        s = Server("server.state_dir=" + self.state, "server.control_socket=%s/control" % self.folder, "server.instance=soak",
                   "server.log_level=info", "server.workers=2", "server.state_interval=5s", "http.listen=" + self.at["http"],
                   "aggregate.ttl=%ds" % TTL_S, "prometheus.mapping=" + self.mapping, "prometheus.service_checks=on",
                   "redis.retention=30s", "redis.reply_timeout=1s", self.redis.url,
                   config=self.config, sockets=sockets, interval="1s")
        if takeover:
            s.command.append("--takeover")
        self.made.append(s)
        return s

    def end(self):
        """Also where something went wrong: nothing is left behind."""
        for s in self.made:
            if s.process and s.process.poll() is None:
                harness.stop(s.process, signal.SIGKILL)
        if self.redis.process:
            with contextlib.suppress(ProcessLookupError):
                self.redis.go_on()
            self.redis.__exit__()

    def urls(self):
        s = self.server
        return {"udp": "udp://%s:%d" % s.udp(), "unixgram": "unixgram://" + s.unix(), "tcp": "tcp://" + s.address("tcp"),
                "unix": "unix://" + s.address("unix"), "dsd": "unix://" + s.address("unix", 1)}

    # --- the server

    def restart(self):
        self.server.__exit__(None, None, None)
        self.look_at_log()
        self.server = self._make().__enter__()
        assert self.server.logged("saved state loaded"), "started without its state"

    def take_over(self):
        old, new = self.server, self._make(takeover=True).__enter__()
        wait_for(lambda: new.logged("took over from the server that ran"), "the takeover", 30)
        self.server = new
        assert old.process.wait(30) == 0, "the server that was taken over ended with a status of %r" % old.process.returncode
        old.clean_exit = False
        old.__exit__(None, None, None)
        self.look_at_log(old)

    def _hang_up(self, msg):
        n = len(self.server.logged(msg))
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.server.logged(msg)) > n, msg, 20)

    def reload(self):
        self.turn += 1
        self._write(RULES % (self.turn % 3, self.turn % 5), OPTIONS % self.random.choice(("0.5,0.99", "0.5,0.9", "0.25")))
        self._hang_up("reloaded")

    def reload_in_vain(self):
        with open(self.mapping) as f, open(self.config) as g:
            good = f.read(), g.read()
        bad = self.random.choice(BAD_RULES + BAD_OPTIONS)
        self._write(*((bad, good[1]) if bad in BAD_RULES else (good[0], bad)))
        self._hang_up("reload refused")
        self._write(*good)

    # --- Redis

    def redis_hangs(self):
        self.redis.pause()
        try:
            time.sleep(self.random.uniform(0.2, 2.5))
        finally:
            self.redis.go_on()

    def redis_is_killed(self, sig=signal.SIGKILL):
        self.redis.client.close()
        harness.stop(self.redis.process, sig)
        time.sleep(self.random.uniform(0, 2))
        self.redis.start()

    def redis_is_stopped(self):
        self.redis_is_killed(signal.SIGTERM)

    def redis_saves(self):
        """What it starts from next time is written anew meanwhile."""
        with contextlib.suppress(harness.redis.exceptions.ResponseError):       # one is under way
            self.random.choice((self.redis.client.bgsave, self.redis.client.bgrewriteaof))()

    def redis_is_full(self):
        self.redis.client.config_set("maxmemory", 1)
        time.sleep(self.random.uniform(0.2, 2))
        self.redis.client.config_set("maxmemory", 0)

    def redis_is_reconfigured(self):
        c = self.redis.client
        for key, value in self.random.choice(((("timeout", 1), ("timeout", 0)), (("appendfsync", "everysec"), ("appendfsync", "always")),
                                              (("hz", 100), ("hz", 10)), (("maxclients", 3), ("maxclients", 1000)))):
            c.config_set(key, value)
            time.sleep(1)

    def redis_cuts(self):
        self.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def redis_forgets_the_script(self):
        self.redis.client.script_flush()

    def redis_goes_back(self, between):
        """To what it was before `between`; what it loses is sent again.  Nothing may be on its way at either end.  Not where that took so
        long that the server may not have it any more.  Returns whether it went back."""
        data, older = os.path.join(self.folder, "appendonlydir"), os.path.join(self.folder, "older")
        self.redis.stop()
        shutil.rmtree(older, ignore_errors=True)
        shutil.copytree(data, older)
        self.redis.start()
        begun = time.monotonic()
        between()
        self.redis.stop()
        back = time.monotonic() < begun + KEPT_S
        if back:
            shutil.rmtree(data)
            shutil.copytree(older, data)
        self.redis.start()
        return back

    # --- the log

    def look_at_log(self, server=None):
        """No error that was not provoked, and not too much of anything."""
        s = server or self.server
        lines, start = list(s.log), self.read.get(s, 0)
        self.read[s] = len(lines)
        for l in lines[start:]:
            self.log_lines += 1
            if l.get("level") == "error":
                self.errors[l["msg"]] = self.errors.get(l["msg"], 0) + 1
                assert l["msg"] in EXPECTED_ERRORS, "an error in the log: %s" % l
        allowed = 2 * LOG_LINES_A_MINUTE + LOG_LINES_A_MINUTE * (time.monotonic() - self.begun) / 60
        assert self.log_lines <= allowed, "%d lines of log, more than %d" % (self.log_lines, allowed)
        return self.log_lines
