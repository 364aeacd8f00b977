#!/usr/bin/python3
"""Each allocation and each system call of our own code fails, one at a time; see tests/faults/faults.h.

    run.py                        all of it
    run.py --sample 40 --seed 7   40 trials, drawn by that seed
    run.py --only "(slab_map)"     trials whose name has that in it, with what the server said
    run.py --list                 the names of all trials

A first run of each scenario finds its sites.  Then an allocation fails once; a system call fails once with an errno that asks for
another attempt, once with one that does not, and from then on with that (`always`).  What has to hold is in scenarios.py.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import errno
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", ".."))

# Their callers are what counts: these rooms hand memory on.
THROUGH = ("mem", "buf", "slab", "slabs", "arena")
ALLOCATIONS = ("malloc", "calloc", "realloc", "aligned_alloc", "strndup", "mmap", "mmap64", "mremap")
# Call: the errno that asks for another attempt, and the one that does not.  Not the errno of a fault in our own code (EBADF, EFAULT).
ERRNOS = collections.defaultdict(lambda: ("EINTR", "EIO"), {
    "accept4": ("ECONNABORTED", "EMFILE"), "access": ("ENOMEM", "EACCES"), "bind": ("ENOMEM", "EADDRINUSE"),
    "chmod": ("ENOMEM", "EPERM"), "connect": ("EINTR", "ECONNREFUSED"), "epoll_create1": ("ENOMEM", "EMFILE"),
    "epoll_ctl": ("ENOMEM", "ENOSPC"), "epoll_wait": ("EINTR", "ENOMEM"), "faccessat": ("ENOMEM", "EACCES"), "fchmod": ("EINTR", "EPERM"),
    "fdopen": ("ENOMEM", "EINVAL"),
    "flock": ("EINTR", "ENOLCK"), "fopen": ("EINTR", "EMFILE"), "fopen64": ("EINTR", "EMFILE"), "fstat": ("ENOMEM", "EIO"),
    "fstat64": ("ENOMEM", "EIO"), "getpeername": ("ENOBUFS", "ENOTCONN"), "getrandom": ("EINTR", "ENOSYS"),
    "getsockname": ("ENOBUFS", "ENOMEM"), "getsockopt": ("ENOBUFS", "ENOPROTOOPT"), "lchown": ("ENOMEM", "EPERM"),
    "lseek": ("EINVAL", "EIO"), "lseek64": ("EINVAL", "EIO"), "fchownat": ("ENOMEM", "EPERM"), "getgrouplist": ("ENOMEM", "EPERM"),
    "getresgid": ("ENOMEM", "EPERM"), "getresuid": ("ENOMEM", "EPERM"), "prctl": ("ENOMEM", "EPERM"), "realpath": ("ENOMEM", "EACCES"),
    "seccomp_attr_set": ("ENOMEM", "EOPNOTSUPP"), "seccomp_init": ("ENOMEM", "EINVAL"), "seccomp_load": ("ENOMEM", "ECANCELED"),
    "setgroups": ("ENOMEM", "EPERM"), "setpriority": ("EACCES", "EPERM"), "setresgid": ("EAGAIN", "EPERM"),
    "setresuid": ("EAGAIN", "EPERM"), "syscall": ("ENOMEM", "ENOSYS"),
    "listen": ("ENOMEM", "EADDRINUSE"), "lstat": ("ENOMEM", "EACCES"), "lstat64": ("ENOMEM", "EACCES"), "madvise": ("EAGAIN", "EINVAL"),
    "memfd_create": ("ENOMEM", "EMFILE"), "open": ("EINTR", "EMFILE"), "open64": ("EINTR", "EMFILE"), "openat": ("EINTR", "ENOSPC"),
    "openat64": ("EINTR", "ENOSPC"), "opendir": ("ENOMEM", "EMFILE"), "pipe2": ("ENFILE", "EMFILE"), "poll": ("EINTR", "ENOMEM"),
    "pthread_create": ("EAGAIN", "EPERM"), "recv": ("EAGAIN", "ECONNRESET"), "recvmmsg": ("EAGAIN", "ENOMEM"),
    "recvmsg": ("EAGAIN", "ENOMEM"), "renameat": ("EINTR", "ENOSPC"), "send": ("EAGAIN", "EPIPE"), "sendmmsg": ("ENOBUFS", "EPERM"),
    "sendmsg": ("EAGAIN", "EPIPE"), "sendto": ("ENOBUFS", "EPERM"), "setsockopt": ("ENOMEM", "EPERM"), "shutdown": ("ENOBUFS", "ENOTCONN"),
    "socket": ("ENOBUFS", "EMFILE"), "stat": ("ENOMEM", "EACCES"), "stat64": ("ENOMEM", "EACCES"), "unlink": ("EINTR", "EPERM"),
    "unlinkat": ("EINTR", "EPERM"), "write": ("EINTR", "ENOSPC"), "close": ("EINTR", "EIO"), "fclose": ("EINTR", "ENOSPC"),
    "fflush": ("EINTR", "ENOSPC"),
})

Trial = collections.namedtuple("Trial", "name scenario call at error count")


class Binary:
    """What is known of the file: where functions lie, which lines addresses are of."""

    def __init__(self, path):
        self.path = path
        names = set()
        for room in THROUGH:
            names |= set(self._functions("%s/obj/src/base/%s.o" % (os.path.dirname(path), room)))
        own = self._functions(path)
        self.through = ",".join("%x-%x" % own[n] for n in sorted(names) if n in own) + ","

    @staticmethod
    def _functions(path):
        out = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        found = {}
        for line in out.splitlines():
            words = line.split()
            if len(words) == 4 and words[2] in "tT":
                found[words[3]] = int(words[0], 16), int(words[0], 16) + int(words[1], 16)
        return found

    def lines(self, addresses):
        """{address: "function at room/file.c:line"} of return addresses; not of a header's inline function, but of who has it."""
        ask = "\n".join("%x" % (int(a, 16) - 1) for a in addresses)
        out = subprocess.run(["addr2line", "-a", "-f", "-p", "-i", "-e", self.path], input=ask, capture_output=True, text=True,
                             check=True).stdout
        found = []
        for line in re.sub(r" \(discriminator \d+\)|(?<=at )\S*/(?:src|include)/", "", out).splitlines():
            if line.startswith("0x"):
                found.append(line.split(": ", 1)[1])
            elif ".h:" in found[-1]:
                found[-1] = line.replace("(inlined by)", "").strip()
        return dict(zip(addresses, found))


def sites_of(log):
    """[(call, address)] in the order in which they were reached first."""
    with open(log) as f:
        return list(dict.fromkeys((w[1], w[2]) for w in (l.split() for l in f) if w[0] == "site"))


def trials_of(binary, scenario, sites):
    lines = binary.lines([at for _, at in sites])
    for call, at in sites:
        function, _, line = lines[at].rpartition(" at ")
        name = "%s:%s@%s (%s)" % (scenario, call, line or "?", function)
        if call in ALLOCATIONS:
            yield Trial(name + " ENOMEM once", scenario, call, at, "ENOMEM", 1)
            continue
        again, never = ERRNOS[call]
        if "base/log.c" in name:
            continue        # without its log the trial cannot know the ports
        yield Trial("%s %s once" % (name, again), scenario, call, at, again, 1)
        yield Trial("%s %s once" % (name, never), scenario, call, at, never, 1)
        if "tls/guard.c" not in name:       # without HTTPS the trial sees nothing
            yield Trial("%s %s always" % (name, never), scenario, call, at, never, 0)


class Runner:
    def __init__(self, binary, stack):
        import scenarios
        self.lib, self.binary = scenarios, binary
        self.stage = scenarios.Stage(stack)
        self.logs = stack.enter_context(tempfile.TemporaryDirectory(prefix="faults"))
        self.expected, self.lock, self.n = {}, threading.Lock(), 0

    def env(self, faults=""):
        with self.lock:
            self.n += 1
            log = "%s/%d" % (self.logs, self.n)
        # A status of their own: what sanitizers find is no refusal to start.
        return {"ASAN_OPTIONS": "exitcode=99:detect_leaks=1", "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1",
                "FAULTS_LOG": log, "FAULTS_THROUGH": self.binary.through, "FAULTS": faults}

    def run(self, scenario, env, expected=None, lasting=False):
        with self.lib.Trial(self.stage, env, lasting) as t:
            return getattr(self.lib, scenario)(t, expected)

    def find(self, scenario, runs):
        """Runs without a fault: their sites, and what all others are compared with."""
        sites = []
        for _ in range(runs):
            env = self.env()
            self.expected[scenario] = self.run(scenario, env)
            sites += sites_of(env["FAULTS_LOG"])
        return list(trials_of(self.binary, scenario, list(dict.fromkeys(sites))))

    def attempt(self, trial):
        """(trial, word, what is wrong or None)"""
        fault = "%s:%s:%d:%d," % (trial.call, trial.at, getattr(errno, trial.error), trial.count)
        env = self.env(fault)
        try:
            word, wrong = self.run(trial.scenario, env, self.expected[trial.scenario], trial.count == 0)[0], None
        except self.lib.Wrong as e:
            word, wrong = "wrong", str(e)
        except Exception as e:  # noqa: BLE001: the trial's own fault is a finding, too
            word, wrong = "wrong", "the trial itself: %r" % e
        with contextlib.suppress(FileNotFoundError), open(env["FAULTS_LOG"]) as f:
            if not any(l.startswith("fault ") for l in f):
                word = "not reached" if wrong is None else word
        return trial, word, wrong


def run_all(runner, trials, jobs, until, verbose):
    words, bad = collections.Counter(), []
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(lambda t=t: runner.attempt(t) if time.monotonic() < until else (t, "left out", None)) for t in trials]
        for i, done in enumerate(concurrent.futures.as_completed(waiting), 1):
            trial, word, wrong = done.result()
            words[word] += 1
            if wrong is not None:
                bad.append((trial, wrong))
                print("FAILED  %s\n    %s" % (trial.name, wrong), flush=True)
            elif verbose:
                print("%-22s%s" % (word, trial.name), flush=True)
            if i % 50 == 0:
                print("%d of %d, %d failed, %.0f s" % (i, len(trials), len(bad), time.monotonic() - begun), flush=True)
    return words, bad


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", default=os.path.join(TOP, "build", "faults"))
    p.add_argument("--scenario", action="append")
    p.add_argument("--sample", type=int, metavar="N")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--only", metavar="TEXT", action="append")
    p.add_argument("--part", default="0/1", metavar="I/N", help="each Nth trial, beginning with the Ith")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--time", type=float, default=600, help="seconds after which no further trial begins")
    p.add_argument("--list", action="store_true")
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    os.environ["STATSD_BIN"] = os.path.join(a.build, "statsd-faults")
    if "address" in a.build:
        os.environ.setdefault("E2E_SLOW", "4")
    sys.path.insert(0, HERE)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        runner = Runner(Binary(os.environ["STATSD_BIN"]), stack)
        found, trials = set(), []
        runs = 1 if a.only or a.sample else 3       # what timing decides is reached in one of three
        for t in (t for s in runner.lib.SCENARIOS for t in runner.find(s, runs)):
            # A place that several reach is looked at in the first of them; of commands, which take no time, in each.
            place = t[1:] if t.scenario in runner.lib.COMMANDS else t[2:]
            if place not in found:
                trials.append(t)
            found.add(place)
        if a.scenario:
            trials = [t for t in trials if t.scenario in a.scenario]
        if a.only:
            trials = [t for t in trials if any(text in t.name for text in a.only)]
        if a.sample:
            trials = random.Random(a.seed).sample(trials, min(a.sample, len(trials)))
        part, of = map(int, a.part.split("/"))
        trials = trials[part::of]
        if a.list:
            print("\n".join(t.name for t in trials))
            return 0
        words, bad = run_all(runner, trials, a.jobs, begun + a.time, a.verbose or a.only is not None)
    of_memory = {(t.scenario, t.call, t.at) for t in trials if t.call in ALLOCATIONS}
    of_system = {(t.scenario, t.call, t.at) for t in trials} - of_memory
    print("%d places that allocate, %d that call the system, %d trials: %s; %.0f s"
          % (len(of_memory), len(of_system), len(trials), ", ".join("%d %s" % (n, w) for w, n in sorted(words.items())),
             time.monotonic() - begun))
    return 1 if bad or words["left out"] else 0


if __name__ == "__main__":
    sys.exit(main())
