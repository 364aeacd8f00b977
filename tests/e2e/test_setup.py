"""A machine on which something is missing: what `make` and tests/support/deps.sh say and do, without touching this one."""
import os
import stat
import subprocess

import pytest

from harness import TOP

pytestmark = pytest.mark.plain
DEPS = os.path.join(TOP, "tests", "support", "deps.sh")


def make(*words, cwd=TOP, **env):
    env = {k: v for k, v in {**os.environ, **env}.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    return subprocess.run(["make", "--no-print-directory", *words], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("target", ["all", "unit", "bench-build", "replay"])
def test_make_without_libraries_says_which_and_the_remedy(target, tmp_path):
    got = make(target, "B=%s" % tmp_path, PKG_CONFIG_LIBDIR="/nonexistent")
    said = got.stdout + got.stderr
    assert got.returncode == 2
    assert "deps: not found: libuv, hiredis, " in said and "make deps" in said
    assert "fatal error" not in said and ".h" not in said        # before the compiler stumbles over a header
    assert ("cmocka" in said) == (target == "unit")


@pytest.mark.parametrize("hidden,said", [("pkg-config", "not found: pkg-config, and so the libraries libuv hiredis"),
                                         ("cc", "not found: the compiler cc\n")])
def test_make_without_a_tool_says_which_and_the_remedy(hidden, said, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin"):
        for name in os.listdir(folder):
            if name != hidden and not (tools / name).is_symlink():
                (tools / name).symlink_to(os.path.join(folder, name))
    got = make("all", "CC=cc", "B=%s" % (tmp_path / "b"), PATH=str(tools))
    assert got.returncode == 2
    assert "deps: " + said in got.stderr and "make deps" in got.stderr


class Machine:
    """Commands of a Debian machine that only note how they were called; `installed` is what dpkg knows."""

    def __init__(self, path, *commands, installed=""):
        self.bin, self.root, self.calls = path / "bin", path / "root", path / "calls"
        self.wants = self.root / "etc/systemd/system/multi-user.target.wants"
        for d in (self.bin, self.root / "usr/sbin", self.wants):
            d.mkdir(parents=True)
        self.calls.write_text("")
        for command in ("apt-get", "update-rc.d", *commands):
            self.put(command, 'echo "%s $*" >> %s' % (command, self.calls))
        self.put("dpkg-query", "printf 'ii  %%s\\n' %s" % installed)
        self.put("sudo", 'exec "$@"')
        self.put("systemctl", "exit 1")      # there, but it has no say
        self.put("apt-get", 'echo "apt-get $*" >> %s; echo "policy $(cat %s | tail -n 1)" >> %s'
                 % (self.calls, self.root / "usr/sbin/policy-rc.d", self.calls))

    def put(self, name, text):
        path = self.bin / name
        path.write_text("#!/bin/sh\n%s\n" % text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def deps(self, *words, path="/usr/bin:/bin"):
        env = {**os.environ, "PATH": "%s:%s" % (self.bin, path), "DEPS_ROOT": str(self.root), "DEPS": ""}
        return subprocess.run([DEPS, *words], env=env, capture_output=True, text=True)


ALL_BUT_SERVICES = ("gcc make pkg-config libc6-dev libuv1-dev libhiredis-dev libmicrohttpd-dev libinih-dev libjansson-dev zlib1g-dev libxxhash-dev libyaml-dev libpcre2-dev libzstd-dev curl "
                    "libcmocka-dev spin libprotobuf-c-dev protobuf-c-compiler protobuf-compiler python3 python3-pytest python3-redis python3-yaml python3-prometheus-client "
                    "gunicorn python3-flask uwsgi-core uwsgi-plugin-python3 python3-statsd python3-aiodogstatsd")


def test_no_service_is_started_or_left_enabled_by_any_init(tmp_path):
    m = Machine(tmp_path, installed=ALL_BUT_SERVICES)
    for unit in ("redis-server", "prometheus", "ssh"):
        (m.wants / (unit + ".service")).symlink_to("/lib/systemd/system/%s.service" % unit)
    (m.root / "etc/systemd/system/redis.service").symlink_to("/lib/systemd/system/redis-server.service")
    got = m.deps("build", "run", "test")
    assert got.returncode == 0, got.stderr
    calls = m.calls.read_text().splitlines()
    assert " prometheus redis-server " in calls[0] and calls[1] == "policy exit 101"
    assert sorted(calls[2:]) == ["update-rc.d prometheus disable", "update-rc.d redis-server disable"]
    assert [p.name for p in m.wants.iterdir()] == ["ssh.service"]
    assert not os.path.lexists(m.root / "etc/systemd/system/redis.service")
    assert not (m.root / "usr/sbin/policy-rc.d").exists()


def test_a_service_that_was_there_before_stays_as_it_is(tmp_path):
    m = Machine(tmp_path, installed=ALL_BUT_SERVICES + " redis-server")
    (m.wants / "redis-server.service").symlink_to("/lib/systemd/system/redis-server.service")
    assert m.deps("build", "run", "test").returncode == 0
    assert [l for l in m.calls.read_text().splitlines() if "redis" in l] == []
    assert (m.wants / "redis-server.service").is_symlink()


def test_without_node_the_client_that_needs_it_is_told_of(tmp_path):
    m = Machine(tmp_path, installed=ALL_BUT_SERVICES + " redis-server prometheus")
    hidden = tmp_path / "usr"
    hidden.mkdir()
    for name in os.listdir("/usr/bin"):
        if name not in ("node", "npm"):
            (hidden / name).symlink_to("/usr/bin/" + name)
    told = m.deps("build", "run", "test", "interop", path=str(hidden))
    assert told.returncode == 0 and "hot-shots is skipped (apt-get install nodejs npm" in told.stderr
    assert "node" not in m.deps("build", "run", "test", path=str(hidden)).stderr
