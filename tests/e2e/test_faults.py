"""Calls of ours that fail on purpose: those that once were not survived, and some of all the others (`make faults` has them all)."""
import os
import re
import subprocess
import sys

import pytest

from harness import SLOW, TOP

BUILD = os.path.join(TOP, "build", "faults")
RUN = os.path.join(TOP, "tests", "faults", "run.py")

OTHER = "clang" in os.environ.get("CC", "") or "fsanitize" in os.environ.get("CFLAGS", "") or os.environ.get("SAN")
pytestmark = pytest.mark.skipif(bool(OTHER) or not os.path.exists(os.path.join(BUILD, "statsd-faults")),
                                reason="make faults-build builds what these need, with gcc and no sanitizer")


def faults(*words):
    env = {k: v for k, v in os.environ.items() if k != "STATSD_BIN"}
    got = subprocess.run([sys.executable, RUN, "--build", BUILD, *words], capture_output=True, text=True, timeout=120 * SLOW, env=env)
    print(got.stdout[-8000:] + got.stderr[-2000:])
    return got.returncode, got.stdout


# What was found by a run over all of them: part of a trial's name, and how it ends now.
MENDED = {
    "(inet_socket_learn_port) ENOBUFS once": "refused to start",   # a second socket of port 0 was bound to another port
    "(print_address) ENOBUFS once": "refused to start",            # nobody would have known the port
    "(mapping_reader_file) EINTR once": "went on",                 # was no attempt more
    "(state_file_open) EINTR once": "went on",                     # the state was left aside
    "(token_put) ENOSPC once": "the old one went on",              # it ended by an assert, and so there was no server
    "(cli_run) ENOMEM once": "went on",                            # all of mem.h ended the server at once
    "(registry_new) ENOMEM once": "went on",
    "(families_new) ENOMEM once": "went on",
    "explain:aligned_alloc@aggregate/lane.c:": "refused",          # ended by abort()
    "explain:mmap64@aggregate/cells.c:": "refused",                # nobody said that there was no room
    "(spool_file_get) EINTR once": "went on",                      # what waited on disk was dropped, though the file was whole
}


def test_what_was_mended_stays_mended():
    status, out = faults(*[w for name in MENDED for w in ("--only", name)])
    assert status == 0
    for name, word in MENDED.items():
        told = [l for l in out.splitlines() if name in l]
        words = word, "not reached", "as without a fault"
        assert told and all(l.startswith(words) for l in told) and any(l.startswith(word) for l in told), (name, told)


def test_some_calls_fail_and_the_server_goes_on_or_says_why_not():
    status, out = faults("--sample", "16", "--seed", "1", "--scenario", "daemon")
    assert status == 0
    assert "16 trials" in out


# Calls into the C library that have no errno, or no way to fail here.
OF_NO_INTEREST = """abort assert clock_gettime cos dlopen dlsym explicit_bzero exp exp2 ferror fprintf fputs fread free freeaddrinfo fscanf fwrite fmax fmin
    getaddrinfo gai_strerror getenv geteuid getgrnam_r gethostname getnameinfo getpid gettid getpwnam_r getpwuid_r getrlimit
    getrusage gmtime_r if_nametoindex inet_ntop inet_pton ioctl isatty iswprint ldexp llround localtime_r log2 lround mallopt mbrtowc mem[a-z]+ munmap nanosleep
    nearbyint newlocale pthread_[a-z_]+ qsort qsort_r readdir closedir round setgid setlocale setrlimit setuid sig[a-z_]+ sin snprintf sqrt str[a-z_]+
    sysconf time timegm unsetenv vfprintf vsnprintf fcntl fileno ftello getc
    ungetc clock_getcpuclockid wcwidth""".split()


def test_every_call_of_the_system_has_its_row():
    names = subprocess.run(["nm", "-D", "--undefined-only", os.path.join(BUILD, "statsd-faults")], capture_output=True, text=True,
                           check=True).stdout
    libc = {re.sub("64$", "", w) for w in re.findall(r" U (\w+)@GLIBC", names)}
    with open(os.path.join(TOP, "tests", "faults", "calls.h")) as f:
        rows = set(re.findall(r"^    X\((\w+),", f.read(), re.M))
    unknown = sorted(n for n in libc - rows if not n.startswith("_") and not any(re.fullmatch(o, n) for o in OF_NO_INTEREST))
    assert unknown == [], "rows of tests/faults/calls.h"


def test_a_fault_that_is_not_survived_is_seen():
    """A log that a crash would leave: the sanitizers' and assert's words on stderr, and statuses by signal."""
    sys.path.insert(0, os.path.dirname(RUN))
    import scenarios

    class Process:
        returncode = -6

    class Gone:
        process, log = Process(), []
        reader = type("", (), {"join": staticmethod(lambda s: None)})

        def __init__(self, said):
            import io
            self.stderr = io.BytesIO(said)
    for said in (b"", b"statsd: src/base/mem.c:1: mem_grow: Assertion `n' failed.\n"):
        with pytest.raises(scenarios.Wrong):
            scenarios.refused_to_start(Gone(said))
    with pytest.raises(scenarios.Wrong):
        scenarios.silent_stderr(Gone(b"==1==ERROR: LeakSanitizer"))
