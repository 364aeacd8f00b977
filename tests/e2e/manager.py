"""A stand-in for a service manager: socket activation, the fd store, notifications and the watchdog's heartbeats, as systemd has them.

It binds sockets, starts the server with them from descriptor 3 on, keeps what the server stores, and starts it again with all of it.
"""
import array
import contextlib
import os
import signal
import socket
import threading
import time

import harness
from harness import wait_for


def udp(address=("127.0.0.1", 0), n=1, rcvbuf=8 << 20):
    """n sockets of one group, as ReusePort=yes and n lines ListenDatagram= make them."""
    out = []
    for _ in range(n):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if n > 1:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with contextlib.suppress(PermissionError):
            s.setsockopt(socket.SOL_SOCKET, 33, rcvbuf)      # SO_RCVBUFFORCE
        s.bind(out[0].getsockname() if out else address)
        out.append(s)
    return out


def tcp(address=("127.0.0.1", 0)):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    s.listen(1024)
    return s


def unix(path, type=socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_UNIX, type)
    s.bind(path)
    if type == socket.SOCK_STREAM:
        s.listen(1024)
    return s


def url(s, proto="udp"):
    return "%s://%s:%d" % ((proto,) + s.getsockname())


class Manager:
    """`with Manager(dir, settings, sockets=[...]) as m:` and m.start(), m.restart(), m.kill() any number of times."""

    def __init__(self, dir, *settings, sockets=(), name="statsd", store_max=512, abstract=False, watchdog_ms=0, env=None):
        self.settings, self.sockets, self.name = list(settings), list(sockets), name
        self.store_max, self.watchdog_ms, self.env = store_max, watchdog_ms, env or {}
        self.store = []                    # (name, descriptor), the newest first
        self.told = []                     # (pid of the sender, {key: value}) of each notification
        self.runs = []                     # the log of each run, as harness.log_line has it
        self.flags = []                    # of the command line, beside the settings
        self.process = self.pid = None
        where = "@statsd-e2e-%d-%d" % (os.getpid(), id(self)) if abstract else os.path.join(dir, "notify.sock")
        self.where = where
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notify.bind("\0" + where[1:] if abstract else where)
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.over = False

    def __enter__(self):
        self.listener.start()
        return self

    def __exit__(self, *_):
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap()
        self.over = True
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"END=1", self.notify.getsockname())
        self.listener.join(5)
        for s in [*self.sockets, self.notify]:
            s.close()
        for _, fd in self.store:
            os.close(fd)

    # --- what it is told

    def _listen(self):
        size = socket.CMSG_SPACE(253 * 4) + socket.CMSG_SPACE(12)
        while not self.over:
            text, control, _, _ = self.notify.recvmsg(4096, size, 0x40000000)     # MSG_CMSG_CLOEXEC
            fds, pid = array.array("i"), None
            for level, kind, data in control:
                if kind == socket.SCM_RIGHTS:
                    fds.frombytes(data[:len(data) - len(data) % 4])
                elif kind == socket.SCM_CREDENTIALS:
                    pid = int.from_bytes(data[:4], "little")
            said = dict(line.split("=", 1) for line in text.decode().split("\n") if "=" in line)
            self._take(said, list(fds))
            self.told.append((pid, said))

    def _take(self, said, fds):
        name = said.get("FDNAME", "stored")
        assert ":" not in name and len(name) <= 255 and all(" " <= c < "\x7f" for c in name), name
        if "FDSTOREREMOVE" in said:
            for kept in [x for x in self.store if x[0] == name]:
                self.store.remove(kept)
                os.close(kept[1])
        for fd in fds:
            known = {os.fstat(x[1])[1:3] for x in self.store}
            if "FDSTORE" in said and len(self.store) < self.store_max and os.fstat(fd)[1:3] not in known:
                assert said.get("FDPOLL") == "0"
                self.store.insert(0, (name, fd))
            else:
                os.close(fd)

    def heard(self, key, value=None, run=None):
        """What the present process said with that key, as values."""
        pid = run or self.pid
        return [s[key] for p, s in list(self.told) if p == pid and key in s and value in (None, s[key])]

    # --- what it does

    def start(self, wait=True):
        given = [(self.name, s.fileno()) for s in self.sockets] + self.store
        out, into = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._become([fd for _, fd in given], [n for n, _ in given], into)
            finally:
                os._exit(127)
        os.close(into)
        self.log = []
        self.runs.append(self.log)
        self.reader = threading.Thread(target=self._read, args=(out, self.log), daemon=True)
        self.reader.start()
        if wait:
            wait_for(lambda: self.heard("READY") or self.ended(), "READY=1")
            assert self.heard("READY"), "\n".join(map(str, self.log[-20:]))
            wait_for(lambda: self.logged("ready"), "the log")

    def _become(self, fds, names, out):
        high = [os.dup2(fd, 1000 + i, inheritable=False) for i, fd in enumerate([out, *fds])]
        os.dup2(high[0], 1)
        os.dup2(high[0], 2)
        for i, fd in enumerate(high[1:]):
            os.dup2(fd, 3 + i)
            os.set_blocking(3 + i, True)                  # as systemd leaves them without NonBlocking=yes
        env = {**harness.clean_env(), **self.env, "NOTIFY_SOCKET": self.where}
        if fds:
            env.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=":".join(names))
        if self.watchdog_ms:
            env.update(WATCHDOG_USEC=str(self.watchdog_ms * 1000), WATCHDOG_PID=str(os.getpid()))
        words = [*harness.ASLR_OFF, harness.STATSD, *self.flags]
        for s in self.settings:
            words += ["--set", s]
        os.execvpe(words[0], words, env)

    def _read(self, fd, log):
        with os.fdopen(fd, "rb") as f:
            for raw in f:
                log.append(harness.log_line(raw.decode("utf-8", "replace").rstrip("\n")))

    def ended(self):
        if self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status, self.pid_before, self.pid = status, pid, None
                self.reader.join(5)
        return self.pid is None

    def _reap(self):
        wait_for(self.ended, "the end of the server", 30 * harness.SLOW)

    def stop(self, sig=signal.SIGTERM):
        os.kill(self.pid, sig)
        self._reap()
        return os.waitstatus_to_exitcode(self.status)

    def restart(self, sig=signal.SIGTERM, want=0):
        assert self.stop(sig) == want, "\n".join(map(str, self.log[-20:]))
        self.start()

    # --- what the log of a run says

    def logged(self, msg, run=-1):
        return [l for l in list(self.runs[run]) if l.get("msg") == msg]

    def sum_of_runs(self, key):
        """Over all runs that ended by themselves, of the line "stopped"."""
        return sum(int(l[key]) for i in range(len(self.runs)) for l in self.logged("stopped", i))
