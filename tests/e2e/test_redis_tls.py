"""Redis by TLS, with a password from a file, in the sandbox; what is wrong there is said in one line."""
import os
import shutil
import socket
import subprocess

import pytest
import redis as redis_py

import harness
from certificates import Certs
from cluster import Cluster
from harness import Redis, Server, run, wait_for
from test_redis import Load, unix_server


class SecureRedis(Redis):
    """A private redis-server with TLS on a free port of loopback, besides its Unix socket."""

    def __init__(self, dir, certs, pair="redis", ask=False):
        self.certs, self.pair, self.ask = certs, pair, ask
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        super().__init__(dir)

    def start(self):
        at = self.certs.at
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir, "--save", "", "--daemonize", "no",
             "--bind", "127.0.0.1", "--tls-port", str(self.port), "--tls-cert-file", at(self.pair + ".pem"), "--tls-key-file",
             at(self.pair + ".key"), "--tls-ca-cert-file", self.certs.ca, "--tls-auth-clients", "yes" if self.ask else "no"],
            stdin=subprocess.DEVNULL, stdout=open(os.path.join(self.dir, "redis.log"), "ab"), stderr=subprocess.STDOUT)
        self.client = redis_py.Redis(unix_socket_path=self.socket)
        wait_for(self._answers, "redis-server to answer", 20 * harness.SLOW)

    def settings(self, host="localhost", userinfo=""):
        return "redis.url=rediss://%s%s:%d" % (userinfo, host, self.port), "redis.tls_ca_file=" + self.certs.ca


class SecureCluster(Cluster):
    """Nodes that speak TLS alone, to each other, too."""

    def __init__(self, dir, certs, **more):
        super().__init__(dir, **more)
        files = ("--tls-cert-file", certs.at("redis.pem"), "--tls-key-file", certs.at("redis.key"), "--tls-ca-cert-file", certs.ca)
        for node in self.nodes:
            node.settings += ("--port", "0", "--tls-port", str(node.port), "--tls-cluster", "yes", "--tls-replication", "yes",
                              "--tls-auth-clients", "no", *files)
            node.client = redis_py.Redis("127.0.0.1", node.port, ssl=True, ssl_ca_certs=certs.ca, socket_timeout=10 * harness.SLOW)
        self.url = self.url.replace("redis://", "rediss://")


@pytest.fixture
def certs(dir):
    os.mkdir(dir + "/certs")
    c = Certs(dir + "/certs")
    c.signed("redis")
    c.signed("client")
    c.self_signed("stranger")
    return c


def write(path, text, mode=0o600):
    """As people replace a file: by rename."""
    with open(path + ".new", "w") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)
    os.rename(path + ".new", path)
    return path


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_sums_are_exact_by_tls(dir, certs, host):
    with SecureRedis(dir, certs) as r, Server("server.sandbox=on", *r.settings(host)) as s:
        for _ in range(50):
            s.send("by.tls:2|c\nlat:5|ms")
        wait_for(lambda: r.total("c", "by.tls") == 100, "all of it in Redis")
        assert s.scrape().sum("statsd_redis_up") == 1
        assert r.timer("lat")[:2] == [50, 250]


def test_a_cluster_by_tls_is_found_by_one_of_its_nodes(dir, certs):
    with SecureCluster(dir, certs, replicas=0) as c:
        seed = "redis.url=rediss://localhost:%d" % c.nodes[1].port
        with unix_server(dir, seed, "redis.tls_ca_file=" + certs.ca) as s:
            with Load(s, series=200) as load:
                s.wait_self("statsd_redis_applied_intervals_total", 3)
            wait_for(lambda: c.totals() == load.sent, "all that was sent to be in the totals", 20 * harness.SLOW, every=0.1)
            assert s.scrape().sum("statsd_redis_nodes") == 3
            assert s.get("/cluster/metrics")[0] == 200


def test_a_server_in_the_sandbox_takes_certificates_and_passwords_that_change(dir, certs):
    password = write(dir + "/password", "one\n")
    shutil.copy(certs.at("stranger.pem"), dir + "/client.pem")
    shutil.copy(certs.at("stranger.key"), dir + "/client.key")
    with SecureRedis(dir, certs, ask=True) as r:
        r.client.execute_command("ACL", "SETUSER", "app", "on", ">one", "~*", "+@all")
        with Server("server.sandbox=kill", *r.settings(userinfo="app@"), "redis.password_file=" + password,
                    "redis.tls_cert_file=%s/client.pem" % dir, "redis.tls_key_file=%s/client.key" % dir) as s:
            line = wait_for(lambda: s.logged("redis refused"), "that Redis refuses our certificate")[0]
            assert line["error"].startswith("TLS: ") and "redis.tls_cert_file" in line["remedy"], line
            s.send("kept:1|c")
            for end in ("key", "pem"):
                shutil.copy(certs.at("client." + end), dir + "/new")
                os.rename(dir + "/new", dir + "/client." + end)
            wait_for(lambda: r.total("c", "kept") == 1, "that the new certificate is taken", 20 * harness.SLOW)
            assert s.logged("certificates of redis loaded")

            r.client.execute_command("ACL", "SETUSER", "app", "resetpass", ">two")
            r.client.client_kill_filter(_type="normal", skipme=True)
            before = s.scrape().sum("statsd_redis_connect_failures_total")
            s.wait_self("statsd_redis_connect_failures_total", before + 1)
            s.send("kept:1|c")
            write(password, "two")
            wait_for(lambda: r.total("c", "kept") == 2, "that the new password is taken", 20 * harness.SLOW)
            said = "\n".join(s.raw_log)
            assert "one" not in said.split() and "two" not in said.split() and "=two" not in said


def test_what_is_wrong_with_tls_is_one_line_with_what_to_do(dir, certs):
    cases = [
        # certificate of Redis, CA that we know, what is said, what to do
        ("stranger", certs.ca, "signed by no known CA", "redis.tls_ca_file"),
        ("redis", certs.at("stranger.pem"), "signed by no known CA", "redis.tls_ca_file"),
    ]
    for pair, ca, error, remedy in cases:
        with SecureRedis(dir, certs, pair=pair) as r:
            with Server(r.settings()[0], "redis.tls_ca_file=" + ca) as s:
                line = wait_for(lambda: s.logged("redis refused"), "that TLS refuses")[0]
                assert error in line["error"] and remedy in line["remedy"] and line["url"].startswith("rediss://"), line
                assert len(s.logged("redis refused")) == 1


def test_tls_to_a_port_without_it_and_the_other_way_round_are_said(dir, certs):
    with SecureRedis(dir, certs) as r:
        with Server("redis.url=redis://localhost:%d" % r.port) as s:
            line = wait_for(lambda: s.logged("redis refused"), "that plain text is refused", 20 * harness.SLOW)[0]
            assert "before the answer to" in line["error"] and "rediss://" in line["remedy"], line
        r.client.config_set("port", str(free_port()))
        plain = int(r.client.config_get("port")["port"])
        with Server("redis.url=rediss://localhost:%d" % plain, "redis.tls_ca_file=" + certs.ca, "redis.connect_timeout=500ms") as s:
            wait_for(lambda: s.logged("redis refused") or s.logged("redis not reachable"), "that it does not work")
            said = (s.logged("redis refused") + s.logged("redis not reachable"))[0]
            assert "TLS" in said["error"], said


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_files_that_cannot_be_read_end_the_start_and_the_check_with_the_reason(dir, certs):
    good = write(dir + "/good", "pw")
    cases = [
        (["redis.url=redis://h", "redis.password_file=%s/missing" % dir], "/missing: No such file or directory"),
        (["redis.url=redis://h", "redis.password_file=" + write(dir + "/empty", "\n")], "/empty: is empty"),
        (["redis.url=redis://h", "redis.password_file=" + write(dir + "/two", "a\nb\n")], "/two: has more than one line"),
        (["redis.url=rediss://h", "redis.tls_ca_file=%s/no-ca" % dir], "/no-ca: "),
        (["redis.url=rediss://h", "redis.tls_ca_file=" + good], "/good: "),
        (["redis.url=rediss+sentinel://h/m", "redis.sentinel_password_file=%s/no" % dir], "/no: No such file or directory"),
    ]
    for settings, said in cases:
        words = [w for s in settings for w in ("--set", s)]
        checked = run("check", *words)
        assert checked.returncode == 2 and said in checked.stderr.decode(), (settings, checked)
        words += ["--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen="]
        started = run(*words)
        assert started.returncode != 0 and said in started.stdout.decode() + started.stderr.decode(), (settings, started)


def test_what_does_not_fit_the_url_is_a_mistake_of_the_config(dir):
    cases = [
        (["redis.url=redis://:pw@h", "redis.password_file=/f"], "keep one of them"),
        (["redis.url=redis://me@h"], "redis.password_file"),
        (["redis.url=redis://h", "redis.tls_ca_file=/f"], "rediss://"),
        (["redis.url=rediss://h", "redis.tls_cert_file=/f"], "give both"),
        (["redis.url=redis://a,b/3"], "database 0 only"),
        (["redis.url=redis+sentinel://a,b"], "name of the master"),
    ]
    for settings, said in cases:
        checked = run("check", *[w for s in settings for w in ("--set", s)])
        text = checked.stderr.decode()
        assert checked.returncode == 2 and "redis.url" in text and said in text, (settings, text)


def test_a_password_file_that_all_may_read_is_warned_of(dir, redis):
    redis.client.config_set("requirepass", "sesame")
    path = write(dir + "/password", "sesame\n", 0o644)
    checked = run("check", "--set", redis.url, "--set", "redis.password_file=" + path)
    assert checked.returncode == 0 and "chmod 0640" in checked.stdout.decode(), checked
    with Server(redis.url, "redis.password_file=" + path) as s:
        assert "chmod 0640" in s.logged("files of redis")[0]["warning"]
        s.send("a:1|c")
        s.wait_self("statsd_redis_applied_series_total", 1)
        assert "sesame" not in "\n".join(s.raw_log)


def test_a_reader_says_what_is_wrong_with_its_files(dir, certs):
    url = ["--set", "redis.url=rediss://localhost:1"]
    done = run("redis", "get", "a", *url, "--set", "redis.password_file=%s/missing" % dir)
    assert done.returncode == 2 and b"/missing: No such file or directory" in done.stderr, done
    done = run("redis", "get", "a", *url, "--set", "redis.tls_ca_file=%s/missing" % dir)
    assert done.returncode == 2 and b"/missing: " in done.stderr, done


def test_a_reader_that_tls_refuses_says_so_at_once(dir, certs):
    with SecureRedis(dir, certs, pair="stranger") as r:
        done = run("redis", "get", "a", *[w for x in r.settings() for w in ("--set", x)], "--set", "redis.connect_timeout=1h")
        assert done.returncode == 1 and b"signed by no known CA" in done.stderr, done
