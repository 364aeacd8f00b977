"""What the process gives up: its user, files, system calls.  As root, and where the kernel has Landlock and seccomp."""
import os
import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from certificates import Certs
from harness import STATSD, Server, clean_env, log_line, run, wait_for

USER, GROUP = 12345, 23456
BUILT = open(STATSD, "rb").read()
pytestmark = [pytest.mark.skipif(b"__asan_init" in BUILT or b"__tsan_init" in BUILT, reason="a sanitizer's build has no sandbox"),
              pytest.mark.skipif("landlock" not in open("/sys/kernel/security/lsm").read() if os.path.exists("/sys/kernel/security/lsm")
                                 else False, reason="no Landlock")]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def server(*settings, **more):
    return Server("server.sandbox=kill", *settings, **more)


def status(s, key):
    with open("/proc/%d/status" % s.pid) as f:
        return re.search(r"^%s:\s+(.*)$" % key, f.read(), re.M).group(1)


def of_each_thread(s, key):
    found = set()
    for task in os.listdir("/proc/%d/task" % s.pid):
        with open("/proc/%d/task/%s/status" % (s.pid, task)) as f:
            found.add(re.search(r"^%s:\s+(.*)$" % key, f.read(), re.M).group(1))
    return found


@pytest.fixture
def place(dir):
    """A folder that another user can reach."""
    os.chmod(dir, 0o755)
    return dir


@pytest.fixture
def own(place):
    os.mkdir(place + "/own")
    os.chown(place + "/own", USER, GROUP)
    return place + "/own"


def test_it_is_on_unless_the_config_says_otherwise():
    row = run("describe", "server.sandbox", "--markdown").stdout.decode()
    assert "| on |" in row


@pytest.mark.parametrize("mode, filtered", [("off", "0"), ("log", "2"), ("on", "2"), ("kill", "2")])
def test_each_thread_has_the_filter_and_none_gets_new_privileges(mode, filtered):
    with Server("server.sandbox=" + mode, "server.workers=2") as s:
        assert len(os.listdir("/proc/%d/task" % s.pid)) > 3
        assert of_each_thread(s, "Seccomp") == {filtered}
        assert of_each_thread(s, "NoNewPrivs") == {"1"}
        told = s.logged("sandbox")
        assert [t["mode"] for t in told] == ([] if mode == "off" else [mode])
        if mode in ("on", "kill"):
            assert int(told[0]["landlock"]) > 0 and int(told[0]["system_calls"]) > 100
            with open("/proc/%d/limits" % s.pid) as f:
                assert re.search(r"^Max core file size\s+0\s+0 ", f.read(), re.M)
        s.send("a:1|c")
        s.wait_value("a", 1)


@as_root
def test_root_is_left_behind_and_everything_still_works(own, place):
    sockets = ("udp://127.0.0.1:0", "unixgram://%s/d" % own, "unix://%s/s" % own)
    settings = ("server.user=%d:%d" % (USER, GROUP), "server.state_dir=" + own, "server.control_socket=%s/control" % own)
    for start in (1, 2):
        with server(*settings, sockets=sockets) as s:
            assert of_each_thread(s, "Uid") == {"\t".join([str(USER)] * 4)}
            assert of_each_thread(s, "Gid") == {"\t".join([str(GROUP)] * 4)}
            assert status(s, "Groups").split() == [str(GROUP)]
            assert {of_each_thread(s, "Cap" + of).pop() for of in ("Prm", "Eff", "Amb")} == {"0" * 16}
            for name in ("d", "s", "control"):
                st = os.stat("%s/%s" % (own, name))
                assert stat.S_ISSOCK(st.st_mode) and (st.st_uid, st.st_gid) == (USER, GROUP), name
            s.send("a:1|c")
            s.send("a:1|c", unix=True)
            s.wait_value("a", 2 * start)
        assert sorted(os.listdir(own)) == ["statsd.state"]
        assert os.stat(own + "/statsd.state").st_uid == USER


@as_root
def test_a_state_below_a_folder_that_only_root_may_enter_is_kept(place):
    """The path is closed to the user, its descriptor is not."""
    os.makedirs(place + "/roots/state", 0o700)
    os.chmod(place + "/roots", 0o700)
    os.chown(place + "/roots/state", USER, GROUP)
    for start in (1, 2):
        with server("server.user=%d:%d" % (USER, GROUP), "server.state_dir=%s/roots/state" % place) as s:
            assert int(s.logged("sandbox")[0]["landlock"]) > 0 and not s.logged("no sandbox for files")
            s.send("a:1|c")
            s.wait_value("a", start)
        assert s.logged("state saved")


@as_root
def test_a_privileged_port_is_bound_before_root_is_left(own):
    def free():
        for port in range(1023, 600, -1):
            with socket.socket() as t, socket.socket(type=socket.SOCK_DGRAM) as u:
                try:
                    t.bind(("127.0.0.1", port))
                    u.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    continue
    at = "127.0.0.1:%d" % free()
    with server("server.user=%d:%d" % (USER, GROUP), "http.listen=" + at, sockets=("udp://" + at,)) as s:
        assert status(s, "Uid").split()[0] == str(USER)
        s.send("a:1|c")
        s.wait_value("a", 1)


@as_root
def test_the_next_one_takes_over_as_the_same_user(own):
    settings = ("server.user=%d:%d" % (USER, GROUP), "server.control_socket=%s/control" % own, "server.state_dir=" + own)
    sockets = ("udp://127.0.0.1:0", "unixgram://%s/d" % own)
    with server(*settings, sockets=sockets, clean_exit=False) as old:
        old.send("a:1|c")
        old.wait_value("a", 1)
        new = server(*settings, sockets=sockets)
        new.command.append("--takeover")
        with new:
            wait_for(lambda: new.logged("took over from the server that ran"), "the takeover")
            assert wait_for(lambda: old.process.poll() is not None, "the old one's end") and old.process.returncode == 0
            assert of_each_thread(new, "Uid") == {"\t".join([str(USER)] * 4)} and of_each_thread(new, "Seccomp") == {"2"}
            new.send("a:1|c", unix=True)
            new.wait_value("a", 2)
        assert not os.path.exists(own + "/d")


@as_root
@pytest.mark.parametrize("before, after", [((), ("server.user=%d:%d" % (USER, GROUP),)), (("server.user=%d:%d" % (USER, GROUP),), ())])
def test_another_user_cannot_take_over_and_is_told_to_restart(own, before, after):
    control = "server.control_socket=%s/control" % own
    with server(control, *before) as old:
        new = server(control, *after, wait=False, clean_exit=False)
        new.command.append("--takeover")
        with new:
            told = wait_for(lambda: new.logged("cannot take over"), "the refusal")
            assert "another user's: restart" in told[0]["remedy"]
        old.send("a:1|c")
        old.wait_value("a", 1)


@as_root
@pytest.mark.parametrize("settings, told", [
    (("server.user=no-such-user",), "there is no such user"),
    (("server.user=12345",), "say UID:GID"),
    (("server.user=root",), "another user than root"),
    (("server.user=12345:23456", "server.state_dir={place}/roots"), "cannot use server.state_dir"),
])
def test_a_user_that_it_cannot_be_is_a_clear_error(place, settings, told):
    os.mkdir(place + "/roots")
    got = run("--set", "http.listen=", "--set", "listen.socket=udp://127.0.0.1:0",
              *[w for x in settings for w in ("--set", x.format(place=place))], timeout=20)
    assert got.returncode == 1
    assert told in got.stdout.decode()


@as_root
def test_who_is_not_root_cannot_become_another(place):
    """The binary is copied to where that user can read it."""
    shutil.copy(STATSD, place + "/statsd")
    got = subprocess.run([place + "/statsd", "--set", "http.listen=", "--set", "listen.socket=udp://127.0.0.1:0", "--set", "server.user=12345:1"],
                         capture_output=True, user=65534, group=65534, env=clean_env(), cwd="/", timeout=20)
    line = log_line(got.stdout.decode().splitlines()[0])
    assert got.returncode == 1 and "not root" in line["error"] and "start it as root" in line["remedy"]


@as_root
def test_root_that_stays_root_is_warned_and_runs():
    with server() as s:
        assert "server.user" in s.logged("running as root")[0]["remedy"]


def test_files_are_read_again_when_they_are_renamed_into_their_place_or_a_link_moves(place):
    """As Kubernetes mounts a ConfigMap, and certbot a certificate."""
    def version(n, name):
        os.mkdir("%s/v%d" % (place, n))
        with open("%s/v%d/mapping.yml" % (place, n), "w") as f:
            f.write("mappings:\n- match: m\n  name: %s\n" % name)
        os.symlink("v%d" % n, place + "/data.new")
        os.rename(place + "/data.new", place + "/data")
    version(1, "one")
    os.symlink("data/mapping.yml", place + "/mapping.yml")
    with server("prometheus.mapping=%s/mapping.yml" % place) as s:
        s.send("m:1|c")
        s.wait_value("one", 1)
        version(2, "two")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.logged("reloaded"), "the reload")
        s.send("m:1|c")
        s.wait_value("two", 1)


def test_a_file_that_moved_out_of_its_folder_is_refused_and_the_log_says_what_to_do(place):
    os.mkdir(place + "/in")
    os.mkdir(place + "/out")
    for folder in ("in", "out"):
        with open("%s/%s/mapping.yml" % (place, folder), "w") as f:
            f.write("mappings:\n- match: m\n  name: %s\n" % folder)
    with server("prometheus.mapping=%s/in/mapping.yml" % place) as s:
        os.remove(place + "/in/mapping.yml")
        os.symlink("../out/mapping.yml", place + "/in/mapping.yml")
        s.process.send_signal(signal.SIGHUP)
        told = wait_for(lambda: s.logged("the sandbox does not let this file be read"), "the reason")
        assert told[0]["path"].endswith("in/mapping.yml") and "restart" in told[0]["remedy"]
        s.send("m:1|c")
        s.wait_value("in", 1)


def refused_by_the_sandbox(s, path):
    wait_for(lambda: s.logged("the sandbox does not let this file be read"), "the reason")
    assert {t["path"] for t in s.logged("the sandbox does not let this file be read")} == {path}


def test_a_mapping_that_a_reload_names_in_another_folder_is_explained_too(place):
    os.mkdir(place + "/in")
    os.mkdir(place + "/out")
    with open(place + "/in/conf", "w") as f:
        f.write("[prometheus]\n")
    with open(place + "/out/mapping.yml", "w") as f:
        f.write("mappings:\n- match: m\n  name: out\n")
    with server(config=place + "/in/conf") as s:
        with open(place + "/in/conf", "a") as f:
            f.write("mapping = %s/out/mapping.yml\n" % place)
        s.process.send_signal(signal.SIGHUP)
        refused_by_the_sandbox(s, place + "/out/mapping.yml")


@pytest.mark.parametrize("hup", [False, True])
def test_a_certificate_that_the_web_config_names_in_another_folder_is_explained_too(place, hup):
    os.mkdir(place + "/in")
    os.mkdir(place + "/out")
    certs = Certs(place + "/out")
    with open(place + "/in/web.yml", "w") as f:
        f.write("basic_auth_users: {}\n")
    with server("http.web_config=%s/in/web.yml" % place) as s:
        with open(place + "/in/web.yml", "w") as f:
            f.write("tls_server_config: {cert_file: %s, key_file: %s}\n" % (certs.ca, certs.at("ca.key")))
        if hup:
            s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(s.logged("the sandbox does not let this file be read")) >= 2, "the reasons")
        assert {t["path"] for t in s.logged("the sandbox does not let this file be read")} == {certs.ca, certs.at("ca.key")}


def test_an_interface_by_its_name_is_found_by_a_reload_too():
    """As in [fe80::1%eth0]: the kernel is asked for its number each time the config is read."""
    with server(sockets=("udp://[::1%lo]:0",)) as s:
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: s.logged("reloaded") or s.process.poll() is not None, "the reload")
        assert s.logged("reloaded")


def test_redis_is_looked_up_by_its_name_after_the_sandbox_is_on():
    """On a thread of its own, by the C library, which reads its files and loads what they name."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        with server("redis.url=redis://localhost:%d" % listening.getsockname()[1], "server.drain_timeout=0", clean_exit=False):
            listening.accept()[0].close()
