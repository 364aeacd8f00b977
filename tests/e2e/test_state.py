"""server.state_dir: a stop keeps everything, the next start goes on from there, and damage is told."""
import contextlib
import os
import random
import signal
import subprocess
import time

import pytest

import harness
from harness import Server, short_dir, wait_for

NAME = "statsd.state"
UNUSED = "saved state not used: starting empty"


@pytest.fixture
def folder():
    with short_dir() as d:
        yield d


def server(folder, *settings, **kwargs):
    """Without snapshots in between."""
    return Server("server.state_dir=" + folder, "server.state_interval=0", *settings, **kwargs)


def lines(page):
    """What clients sent, HELP and TYPE included: all but the server's own metrics."""
    own = (b"statsd_", b"process_")
    return [l for l in page.splitlines() if not (l.split()[2] if l.startswith(b"#") and len(l.split()) > 2 else l).startswith(own)]


def path(folder):
    return os.path.join(folder, NAME)


EVERY_KIND = ["hits:3|c|#host:a,quote:x\"y", "hits:2|c|@0.1|#host:b", "temp:21.5|g", "temp:+1|g", "only_changes:-4|g",
              "lat:1:20:300|ms|#route:a", "size:-5:0:1e9|h", "users:a|s", "users:b|s", "users:c|s|#x:y", "both:1|g", "both:a|s"]

SHAPES = {
    "summaries": [],
    "le": ["prometheus.observer_type=histogram"],
    "suffixes": ["prometheus.suffixes=on", "prometheus.created=on"],
    "last interval": ["aggregate.set_window=0", "server.interval=1h", "redis.retention=2h"],
}


def feed(s):
    before = s.scrape().sum("statsd_datagrams_received_total")
    s.send(*EVERY_KIND)
    s.wait_self("statsd_datagrams_received_total", before + len(EVERY_KIND))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_is_on_the_page_as_it_was(folder, shape):
    openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    with server(folder, *SHAPES[shape]) as s:
        feed(s)
        before, om = lines(s.page()), lines(s.get("/metrics", headers=openmetrics)[2])
        assert any(l.startswith(b"both") for l in before)
    assert os.listdir(folder) == [NAME]
    with server(folder, *SHAPES[shape]) as s:
        assert os.listdir(folder) == [], "it is read once"
        assert lines(s.page()) == before
        assert lines(s.get("/metrics", headers=openmetrics)[2]) == om
        feed(s)
        assert s.scrape().sum("hits" if shape != "suffixes" else "hits_total") == 2 * 23


def test_native_histograms_are_kept_bucket_for_bucket(folder):
    mapping = os.path.join(folder, "map.yml")
    with open(mapping, "w") as f:
        f.write("mappings:\n- match: lat\n  name: lat\n  observer_type: histogram\n"
                "  histogram_options:\n    native_histogram_bucket_factor: 1.1\n")
    protobuf = {"Accept": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"}

    def family(s):
        body = s.get("/metrics", headers=protobuf)[2]
        at = body.index(b"\x0a\x03lat")
        return body[at:at + 300]

    with server(folder, "prometheus.mapping=" + mapping) as s:
        feed(s)
        before = family(s)
    with server(folder, "prometheus.mapping=" + mapping) as s:
        assert family(s) == before


def test_the_servers_own_counters_go_on_and_still_add_up(folder):
    for start in range(3):
        with server(folder) as s:
            s.send("a:1|c", "bad", "b:2|g\nc:1|c")
            page = s.wait_self("statsd_datagrams_received_total", 3 * (start + 1))
            read = page.sum("statsd_samples_read_total")
            assert read == 4 * (start + 1)
            assert read == page.sum("statsd_samples_aggregated_total") + page.sum("statsd_samples_rejected_total")
            assert page.value("a") == start + 1


def test_counters_of_http_requests_go_on_too(folder):
    """The HTTP server has stopped when the state is written."""
    name, seen = "statsd_http_requests_total", 0
    for _ in range(3):
        with server(folder) as s:
            value = s.scrape().value(name)
            assert value > seen
            seen = value


def test_a_series_idle_beyond_its_ttl_is_not_brought_back(folder):
    with server(folder, "aggregate.ttl=1s") as s:
        s.send("old:1|c")
        s.wait_value("old", 1)
    saved = os.stat(path(folder)).st_mtime
    harness.wait_for(lambda: time.time() > saved + 3 or None, "the ttl to pass")
    with server(folder, "aggregate.ttl=1s") as s:
        assert lines(s.page()) == []
        assert s.scrape().value("statsd_restored_left_out_total") == 1


def test_another_mapping_starts_the_line_at_0_and_counts_it(folder):
    mapping = os.path.join(folder, "map.yml")
    with server(folder) as s:
        s.send("lat:100|ms\nhits:1|c")
        s.wait_value("hits", 1)
    with open(mapping, "w") as f:
        f.write("mappings:\n- match: lat\n  name: lat\n  observer_type: histogram\n")
    with server(folder, "prometheus.mapping=" + mapping) as s:
        assert s.scrape().value("lat_count") == 1
        s.send("lat:100|ms\nhits:1|c")
        s.wait_value("hits", 2)
        page = s.scrape()
        assert page.value("lat_count") == 1 and page.value("lat_bucket", le="+Inf") == 1
        assert page.value("statsd_restored_reset_total") == 1


def test_ten_restarts_and_no_counter_ever_falls(folder):
    last = 0
    for _ in range(10):
        with server(folder) as s:
            page = s.scrape()
            assert (page.value("n") or 0) == last
            s.send(*["n:1|c"] * 50)
            last += 50
            s.wait_value("n", last)


def test_two_servers_do_not_share_a_folder(folder):
    with server(folder):
        with server(folder, wait=False, clean_exit=False) as other:
            assert other.process.wait(10 * harness.SLOW) == 1
            other.reader.join(5)
            (line,) = other.logged("cannot use server.state_dir")
            assert "another server" in line["remedy"]


def test_a_folder_that_is_not_there_is_said_at_the_start(folder):
    with server(folder + "/none", wait=False, clean_exit=False) as s:
        assert s.process.wait(10 * harness.SLOW) == 1
        s.reader.join(5)
        assert s.logged("cannot use server.state_dir")


def test_the_folder_that_systemd_names_is_the_default(folder):
    with Server(env={"STATE_DIRECTORY": folder + ":/elsewhere"}) as s:
        s.send("a:1|c")
        s.wait_value("a", 1)
    assert os.listdir(folder) == [NAME]


def test_without_a_folder_nothing_is_kept(folder):
    with Server() as s:
        s.send("a:1|c")
        s.wait_value("a", 1)
        assert not s.logged("no saved state")
    with Server() as s:
        assert lines(s.page()) == []


# --- damage

def saved(folder):
    with server(folder) as s:
        feed(s)
    with open(path(folder), "rb") as f:
        return bytearray(f.read())


def flip(data):
    data[random.Random(7).randrange(len(data) // 2, len(data))] ^= 0x10
    return data


def another_version(data):
    data[8] += 1
    return data


DAMAGES = {
    "a bit": (flip, None),
    "cut": (lambda d: d[:len(d) // 2], "it ends too early"),
    "empty": (lambda d: b"", "it ends too early"),
    "longer": (lambda d: d + b"x", "it goes on behind its end"),
    "another version": (another_version, "it is of another version"),
    "text": (lambda d: b"hello, world: not a state file at all\n", "it does not begin as a state file does"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_set_aside_and_told_once(folder, damage):
    change, reason = DAMAGES[damage]
    data = change(saved(folder))
    with open(path(folder), "wb") as f:
        f.write(data)
    with server(folder) as s:
        (line,) = s.logged(UNUSED)
        assert line["set_aside_as"] == NAME + ".damaged.1" and line["name"] == NAME
        assert reason is None or line["reason"] == reason
        assert lines(s.page()) == []
        assert os.listdir(folder) == [NAME + ".damaged.1"]
        feed(s)
    with open(path(folder) + ".damaged.1", "rb") as f:
        assert f.read() == bytes(data)
    with server(folder) as s:
        assert not s.logged(UNUSED) and s.scrape().sum("hits") == 23


def test_few_damaged_files_are_kept(folder):
    for i in range(5):
        with open(path(folder), "w") as f:
            f.write("damage %d" % i)
        with server(folder):
            pass
        os.unlink(path(folder))
    assert sorted(os.listdir(folder)) == [NAME + ".damaged.%d" % n for n in (1, 2, 3)]


def test_the_state_of_another_instance_is_not_ours(folder):
    with server(folder, "server.instance=one") as s:
        s.send("a:1|c")
        s.wait_value("a", 1)
    with server(folder, "server.instance=two") as s:
        (line,) = s.logged(UNUSED)
        assert line["reason"] == "it is of another server.instance"
        assert lines(s.page()) == []


def test_a_link_is_not_followed(folder):
    saved(folder)
    os.rename(path(folder), path(folder) + ".moved")
    os.symlink(path(folder) + ".moved", path(folder))
    with server(folder) as s:
        assert "no plain file" in s.logged(UNUSED)[0]["reason"]


def test_another_users_file_is_not_ours(folder):
    if os.geteuid() != 0:
        pytest.skip("giving a file to another user needs root")
    saved(folder)
    os.chown(path(folder), 12345, 12345)
    with server(folder) as s:
        assert "another user" in s.logged(UNUSED)[0]["reason"]


@contextlib.contextmanager
def with_files_of_at_most(n, folder):
    """A server whose disk is full after so many bytes, as far as it can tell."""
    s = server(folder, clean_exit=False)
    s.command = ["prlimit", "--fsize=%d" % n, *s.command]
    with s:
        yield s


@pytest.mark.parametrize("bytes", [0, 10, 1000, 4000])
def test_a_full_disk_leaves_the_old_file_and_the_status_says_so(folder, bytes):
    if bytes == 0 and harness.ASLR_OFF:
        pytest.skip("ThreadSanitizer writes a file of its own before main")
    with with_files_of_at_most(bytes, folder) as s:
        feed(s)
        with open(path(folder), "wb") as f:
            f.write(b"old")
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
        s.reader.join(5)
        assert s.logged("cannot save the state: the next start begins at 0")
    assert os.listdir(folder) == [NAME]
    with open(path(folder), "rb") as f:
        assert f.read() == b"old"


def test_a_file_that_kills_the_server_is_read_once(folder):
    """A process that dies while it reads leaves the name of what it read."""
    data = saved(folder)
    os.rename(path(folder), path(folder) + ".reading")
    with server(folder) as s:
        (line,) = s.logged(UNUSED)
        assert line["name"] == NAME + ".reading" and "died while it read" in line["reason"]
        assert lines(s.page()) == []
        s.send("a:1|c")
        s.wait_value("a", 1)
    with open(path(folder) + ".damaged.1", "rb") as f:
        assert f.read() == bytes(data)
    with server(folder) as s:
        assert not s.logged(UNUSED) and s.scrape().value("a") == 1
    assert sorted(os.listdir(folder)) == [NAME, NAME + ".damaged.1"]


def test_killed_while_it_reads(folder):
    with server(folder, sockets=["unixgram://%s/in.sock" % folder]) as s:
        with s.sender(unix=True) as c:
            for i in range(0, 30000, 50):
                c.send("\n".join("n.%d:1|c" % k for k in range(i, i + 50)).encode())
        s.wait_self("statsd_samples_read_total", 30000)
    os.makedirs(folder + "/state")
    os.rename(path(folder), path(folder + "/state"))
    with server(folder + "/state", wait=False, clean_exit=False) as s:
        harness.wait_for(lambda: os.path.exists(path(folder + "/state") + ".reading") or s.logged("ready") or None,
                         "the state to be read", every=0)
        killed(s)
    left = os.listdir(folder + "/state")
    assert left in ([NAME + ".reading"], []), left
    with server(folder + "/state") as s:
        assert len(s.logged(UNUSED)) == len(left)
        assert lines(s.page()) == []


def test_a_start_that_fails_leaves_the_file(folder):
    saved(folder)
    with Server() as other:
        with server(folder, "http.listen=" + other.http_addr(), wait=False, clean_exit=False) as s:
            assert s.process.wait(10 * harness.SLOW) == 1
    assert os.listdir(folder) == [NAME]
    with server(folder) as s:
        assert s.scrape().sum("hits") == 23


def test_what_cannot_be_set_aside_is_said_and_not_written_over(folder):
    with open(path(folder), "wb") as f:
        f.write(b"only copy")
    for n in (1, 2, 3):
        os.makedirs(path(folder) + ".damaged.%d/x" % n)
    for _ in range(2):
        s = Server("server.state_dir=" + folder, "server.state_interval=50ms", clean_exit=False)
        with s:
            (line,) = s.logged(UNUSED)
            assert line["name"] == NAME + ".reading" and line["error"] and "move it away" in line["remedy"]
            s.send("a:1|c")
            s.wait_value("a", 1)
            s.wait_self("statsd_state_snapshots_failed_total", 3)
            os.kill(s.pid, signal.SIGTERM)
            assert s.process.wait(30 * harness.SLOW) == 1
        assert NAME not in os.listdir(folder)
        with open(path(folder) + ".reading", "rb") as f:
            assert f.read() == b"only copy"
    os.rename(path(folder) + ".reading", folder + "/moved")
    with server(folder) as s:
        assert not s.logged(UNUSED)
        s.send("a:1|c")
        s.wait_value("a", 1)
    with server(folder) as s:
        assert s.scrape().value("a") == 1


# --- the folder

OPEN = "other users can write to server.state_dir"
NOBODY = 65534


def as_nobody(s):
    if os.geteuid() != 0:
        pytest.skip("to be another user needs root")
    s.command = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", *s.command]
    return s


@pytest.mark.parametrize("mode,warned", [(0o700, 0), (0o755, 0), (0o775, 0), (0o777, 1), (0o1777, 1)])
def test_a_folder_that_anybody_may_write_to_is_said_and_used(folder, mode, warned):
    os.chmod(folder, mode)
    with server(folder) as s:
        feed(s)
        assert len(s.logged(OPEN)) == warned
    with server(folder) as s:
        assert s.scrape().sum("hits") == 23


def test_another_users_folder_is_said_and_used(folder):
    if os.geteuid() != 0:
        pytest.skip("giving a folder to another user needs root")
    os.chown(folder, NOBODY, NOBODY)
    with server(folder) as s:
        assert len(s.logged(OPEN)) == 1
        feed(s)
    with server(folder) as s:
        assert s.scrape().sum("hits") == 23


@pytest.mark.parametrize("mode,owner", [(0o555, NOBODY), (0o000, NOBODY), (0o700, 0), (0o755, 0)])
def test_a_folder_that_is_not_ours_to_write_to_is_refused_at_the_start(folder, mode, owner):
    data = saved(folder)
    os.chmod(folder, mode)
    os.chown(folder, owner, owner)
    with as_nobody(server(folder, wait=False, clean_exit=False)) as s:
        assert s.process.wait(10 * harness.SLOW) == 1
        s.reader.join(5)
        (line,) = s.logged("cannot use server.state_dir")
        assert "let the user" in line["remedy"]
    with open(path(folder), "rb") as f:
        assert f.read() == bytes(data)


def test_a_file_that_its_user_may_not_read_is_set_aside(folder):
    saved(folder)
    for name in (folder, path(folder)):
        os.chown(name, NOBODY, NOBODY)
    os.chmod(path(folder), 0)
    with as_nobody(server(folder)) as s:
        (line,) = s.logged(UNUSED)
        assert line["reason"] == "Permission denied" and line["set_aside_as"] == NAME + ".damaged.1"
        feed(s)
    with as_nobody(server(folder)) as s:
        assert s.scrape().sum("hits") == 23


def test_another_users_file_in_a_sticky_folder_stays_and_nothing_is_saved(folder):
    data = saved(folder)
    os.chmod(path(folder), 0o644)
    os.chmod(folder, 0o1777)
    with as_nobody(server(folder, clean_exit=False)) as s:
        (line,) = s.logged(UNUSED)
        assert "another user" in line["reason"] and line["error"]
        s.send("a:1|c")
        s.wait_value("a", 1)
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
    assert os.listdir(folder) == [NAME]
    with open(path(folder), "rb") as f:
        assert f.read() == bytes(data)


def test_a_folder_by_a_link_is_the_folder(folder):
    os.makedirs(folder + "/real")
    os.symlink("real", folder + "/link")
    with server(folder + "/link") as s:
        feed(s)
        with server(folder + "/real", wait=False, clean_exit=False) as other:
            assert other.process.wait(10 * harness.SLOW) == 1
    with server(folder + "/real") as s:
        assert s.scrape().sum("hits") == 23


def test_a_file_in_the_folders_place_is_refused_at_the_start(folder):
    with open(folder + "/file", "w"):
        pass
    with server(folder + "/file", wait=False, clean_exit=False) as s:
        assert s.process.wait(10 * harness.SLOW) == 1
        s.reader.join(5)
        assert s.logged("cannot use server.state_dir")[0]["error"] == "Not a directory"


@pytest.mark.parametrize("link", ["statsd.state.new", "statsd.state.reading", "statsd.state.damaged.1"])
def test_a_link_in_the_place_of_any_of_its_files_is_not_written_through(folder, link):
    with short_dir() as other:
        target = other + "/target"
        with open(target, "w") as f:
            f.write("mine")
        os.symlink(target, os.path.join(folder, link))
        for _ in range(2):
            with server(folder) as s:
                feed(s)
            with open(path(folder), "r+b") as f:
                f.write(b"damage")
        with server(folder):
            pass
        with open(target) as f:
            assert f.read() == "mine"


def test_a_folder_that_is_removed_while_the_server_runs_is_said_at_the_stop(folder):
    os.makedirs(folder + "/gone")
    with Server("server.state_dir=" + folder + "/gone", "server.state_interval=50ms", clean_exit=False) as s:
        s.send("a:1|c")
        s.wait_value("a", 1)
        snapshot(s)
        wait_for(lambda: not remove(folder + "/gone") or None, "an empty folder", every=0)
        s.wait_self("statsd_state_snapshots_failed_total", 3)
        assert len(s.logged("cannot write the gauges to server.state_dir")) == 1
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
        s.reader.join(5)
        assert s.logged("cannot save the state: the next start begins at 0")


def remove(folder):
    """Returns whether it is there still."""
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(folder + "/" + name)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
    return os.path.exists(folder)


# --- crashes

def snapshot(s, more=1):
    """Wait until another one that begins from now on is on the disk."""
    name = "statsd_state_snapshots_total"
    s.wait_self(name, s.scrape().value(name) + more + 1)


def killed(s):
    s.clean_exit = False
    os.kill(s.pid, signal.SIGKILL)
    s.process.wait()


def test_after_a_kill_counters_begin_at_0_and_gauges_are_there(folder):
    with Server("server.state_dir=" + folder, "server.state_interval=50ms") as s:
        feed(s)
        snapshot(s)
        killed(s)
    assert NAME in os.listdir(folder)
    with Server("server.state_dir=" + folder, "server.state_interval=50ms") as s:
        page = s.scrape()
        assert page.value("temp") == 22.5 and page.value("users") == 2 and page.value("both") == 1
        assert page.value("hits") is None and page.sum("hits") == 0 and page.value("lat_count") is None
        assert page.sum("statsd_samples_read_total") == 0
        (line,) = s.logged("the last process did not stop by itself: counters and timers begin at 0")
        assert 0 <= int(line["last_written_ms_ago"]) < 60000 * harness.SLOW
        feed(s)
        assert s.scrape().sum("hits") == 23
        assert s.scrape().value("only_changes") == -8, "a change goes on from the gauge's value"


def test_kills_under_load_never_show_less_than_was_scraped_unless_it_is_new(folder):
    last = 0
    for turn in range(5):
        with Server("server.state_dir=" + folder, "server.state_interval=50ms") as s:
            sent = 0
            for _ in range(20):
                s.send(*["n:1|c\nlevel:%d|g" % turn] * 20)
                sent += 20
                value = s.scrape().value("n") or 0
                assert value <= sent, "it began at 0"
                assert value >= last or turn > 0
            s.wait_value("n", sent)
            last = sent
            snapshot(s)
            killed(s)
    with server(folder) as s:
        assert s.scrape().value("n") is None and s.scrape().value("level") == 4
        assert os.listdir(folder) == [], "without newer ones to come, gauges are read once too"


def test_a_clean_stop_replaces_the_snapshot(folder):
    with Server("server.state_dir=" + folder, "server.state_interval=50ms") as s:
        feed(s)
        snapshot(s)
    with server(folder) as s:
        assert s.logged("saved state loaded")[0]["of"] == "all"
        assert s.scrape().sum("hits") == 23
        killed(s)
    with server(folder) as s:
        assert s.logged("no saved state"), "what was read once is not read again"
        assert lines(s.page()) == []


def test_snapshots_that_fail_are_told_once_and_the_old_one_stays(folder):
    with Server("server.state_dir=" + folder, "server.state_interval=50ms") as s:
        s.send("level:5|g")
        s.wait_value("level", 5)
        snapshot(s)
        killed(s)
    s = Server("server.state_dir=" + folder, "server.state_interval=50ms", clean_exit=False)
    s.command = ["prlimit", "--fsize=60", *s.command]
    with s:
        s.wait_self("statsd_state_snapshots_failed_total", 3)
        assert len(s.logged("cannot write the gauges to server.state_dir")) == 1
        killed(s)
    with server(folder) as s:
        assert s.scrape().value("level") == 5


@pytest.fixture
def small_disk(folder):
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], capture_output=True).returncode != 0:
        pytest.skip("a disk of its own needs the right to mount one")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder):
    with contextlib.suppress(OSError), open(folder + "/fill", "wb", buffering=0) as f:
        while True:
            f.write(b"x" * 4096)


def test_a_disk_that_is_really_full_leaves_what_was_written_before(small_disk):
    settings = ("server.state_dir=" + small_disk, "server.state_interval=50ms")
    with Server(*settings) as s:
        s.send("level:5|g", *["g.%d:1|g" % i for i in range(50)])
        s.wait_value("level", 5)
        snapshot(s)
        killed(s)
    with open(path(small_disk), "rb") as f:
        old = f.read()
    fill(small_disk)
    with Server(*settings, clean_exit=False) as s:
        assert s.scrape().value("level") == 5
        s.send("level:6|g")
        s.wait_self("statsd_state_snapshots_failed_total", 3)
        assert len(s.logged("cannot write the gauges to server.state_dir")) == 1
        assert s.logged("cannot write the gauges to server.state_dir")[0]["error"] == "No space left on device"
        os.kill(s.pid, signal.SIGTERM)
        assert s.process.wait(30 * harness.SLOW) == 1
    with open(path(small_disk), "rb") as f:
        assert f.read() == old
    os.unlink(small_disk + "/fill")
    with Server(*settings) as s:
        assert s.scrape().value("level") == 5


# --- the start

def test_no_scrape_before_the_state_is_loaded_shows_less(folder):
    """It waits until then, and every counter is whole; what workers read meanwhile is added."""
    series = 30000
    with harness.short_dir() as d:
        socket = "unixgram://%s/in.sock" % d
        with server(folder, sockets=[socket], interval="1s") as s:
            with s.sender(unix=True) as c:
                for i in range(0, series, 50):
                    c.send("\n".join("n.%d:1|c" % k for k in range(i, i + 50)).encode())
            s.wait_self("statsd_samples_read_total", series)
        with server(folder, sockets=[socket], interval="1s", wait=False) as s:
            wait_for(s.http_addr, "HTTP")

            def answered():
                ready = s.get("/-/ready")[0]
                status, _, body = s.get("/metrics")
                assert status == 200 and body.count(b"\nn_") == series
                return ready == 200 or None

            wait_for(answered, "the page", every=0)
            s.send("n.1:1|c", unix=True)
            s.wait_value("n_1", 2)
            assert s.scrape().value("statsd_restored_lines") >= series - 2
