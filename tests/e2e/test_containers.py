"""Containerfile, contrib/compose.yaml and contrib/kubernetes/ agree with each other, with the binary and with its config."""
import copy
import glob
import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from harness import STATSD, TOP, Server, run

sys.path.insert(0, os.path.join(TOP, "tests", "package"))
import container  # noqa: E402

pytestmark = pytest.mark.plain
KUBERNETES = os.path.join(TOP, "contrib", "kubernetes")
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "Mi": 2**20, "Gi": 2**30}
WITH_REDIS = {"STATSD_REDIS_URL": "redis://redis"}


def text_of(*parts):
    with open(os.path.join(TOP, *parts), encoding="utf-8") as f:
        return f.read()


VERSION = re.search(r"^VERSION\s*:= (\S+)$", text_of("Makefile"), re.M).group(1)
STEPS = container.read(text_of("Containerfile"))
OBJECTS = [(os.path.basename(path), o) for path in sorted(glob.glob(os.path.join(KUBERNETES, "*.yaml")))
           for o in yaml.safe_load_all(text_of(path))]


def of_kind(*kinds):
    return [(name, o) for name, o in OBJECTS if o["kind"] in kinds]


WORKLOADS = of_kind("DaemonSet", "Deployment")


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def server_of(workload):
    """The container that runs the server."""
    found = [c for c in containers_of(pod_of(workload)) if c["name"] == "statsd"]
    assert len(found) == 1
    return found[0]


def config_of(workload):
    """The text of the config that is mounted where its arguments say."""
    server, volumes = server_of(workload), {v["name"]: v for v in pod_of(workload)["volumes"]}
    folder, name = os.path.split(server["args"][1])
    assert server["args"][0] == "-c"
    mount, = [m for m in server["volumeMounts"] if m["mountPath"] == folder]
    wanted = volumes[mount["name"]]["configMap"]["name"]
    config, = [o for _, o in of_kind("ConfigMap") if o["metadata"]["name"] == wanted and o["metadata"].get("namespace") == workload["metadata"].get("namespace")]
    return config["data"][name]


def options_of(config):
    """section.key -> its values."""
    got, section = {}, ""
    for line in config.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition(" = ")
            got.setdefault(section + "." + key, []).append(value)
    return got


def env_of(workload):
    """The environment of the server; what comes from elsewhere is of the right form."""
    return {e["name"]: e["value"] if "value" in e else WITH_REDIS.get(e["name"], "here") for e in server_of(workload).get("env", [])}


def bytes_of(text):
    number, unit = re.fullmatch(r"([0-9.]+) ?([A-Z]i?B?)", text).groups()
    return float(number) * UNITS[unit]


def memory_of(said):
    """What `statsd check` says: of each row of `memory at most`, its bytes."""
    rows = re.search(r"^memory at most\n((?: +.*\n)+)", said, re.M).group(1).splitlines()
    return {what: bytes_of(most) for most, what in (row.strip().split("  ", 1) for row in rows)}


def most_of(said):
    """Bytes that a pod can come to: cgroup v2 counts the receive buffers, too.  The parts of the sum are rounded less than it is."""
    rows = memory_of(said)
    parts = list(rows.values())[:list(rows).index("the process altogether")]
    assert abs(sum(parts) - rows["the process altogether"]) < 0.06 * 2**30
    return sum(parts) + rows["receive buffers of the kernel, besides"]


def check(config, dir, env=None):
    path = os.path.join(dir, "statsd.conf")
    with open(path, "w") as f:
        f.write(config)
    r = run("check", "-c", path, env=env)
    assert r.returncode == 0 and r.stderr == b"", r
    return r.stdout.decode()


def steps_of(word):
    return [rest for w, rest in STEPS if w == word]


each_workload = pytest.mark.parametrize("workload", [o for _, o in WORKLOADS], ids=[name for name, _ in WORKLOADS])


# --- Kubernetes

def test_there_is_each_of_the_manifests_and_the_kustomization_names_what_is_there():
    assert {name for name, _ in OBJECTS} == {"%s.yaml" % n for n in
                                             ("configmap", "daemonset", "kustomization", "namespace", "priorityclass", "service", "servicemonitor", "sidecar")}
    (_, kustomization), = of_kind("Kustomization")
    assert set(kustomization["resources"]) <= set(os.listdir(KUBERNETES))
    of_cluster = ("Namespace", "PriorityClass")
    assert [o["metadata"]["namespace"] for name, o in OBJECTS if name in kustomization["resources"] and o["kind"] not in of_cluster] == ["statsd"] * 4


def test_every_image_of_the_server_is_the_same_and_of_this_version():
    images = {c["image"] for _, o in WORKLOADS for c in containers_of(pod_of(o)) if "statsd" in c["image"]}
    (_, kustomization), = of_kind("Kustomization")
    assert images == {"registry.example.org/statsd:" + VERSION}
    assert [(i["name"], i["newTag"]) for i in kustomization["images"]] == [("registry.example.org/statsd", VERSION)]


@each_workload
def test_the_config_of_a_pod_passes_the_check_within_its_memory_with_all_that_its_environment_may_turn_on(workload, dir):
    server = server_of(workload)
    said = check(config_of(workload), dir, env_of(workload))
    assert ("redis://redis" in said) == ("STATSD_REDIS_URL" in env_of(workload))
    assert most_of(said) <= bytes_of(server["resources"]["limits"]["memory"])
    assert "cpu" not in server["resources"]["limits"]


@pytest.mark.parametrize("name, env, pattern", [
    ("daemonset.yaml", {}, r"Without Redis (\w+) is enough"),
    ("sidecar.yaml", WITH_REDIS, r"With Redis (\w+)\."),
])
def test_the_other_memory_limit_that_a_comment_names_is_enough(name, env, pattern, dir):
    workload = dict(WORKLOADS)[name]
    assert most_of(check(config_of(workload), dir, env)) <= bytes_of(re.search(pattern, text_of("contrib", "kubernetes", name)).group(1))


@each_workload
def test_the_memory_that_a_pod_requests_is_that_of_all_its_series_as_counters(workload, dir):
    rows = memory_of(check(config_of(workload), dir, env_of(workload)))
    wanted = sum(b for what, b in rows.items() if what.startswith(("program,", "workers:", "series, all of them counters")))
    assert wanted > 40e6
    assert bytes_of(server_of(workload)["resources"]["requests"]["memory"]) >= wanted


def test_the_alert_that_the_page_advises_is_80_percent_of_the_limits_at_most():
    page = text_of("docs", "containers.md")
    advised = {limit: float(bound) for bound, limit in re.findall(r"`> ([0-9.e]+)` for [\w ]+?(?:\(| with )(\w+Mi)", page)}
    assert {server_of(o)["resources"]["limits"]["memory"] for _, o in WORKLOADS} < set(advised)
    for limit, bound in advised.items():
        assert 0.7 < bound / bytes_of(limit) <= 0.8, (limit, bound)


@each_workload
def test_a_pod_goes_onto_nodes_of_linux_alone(workload):
    assert pod_of(workload)["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_the_priority_of_the_daemon_set_is_there_and_the_kustomization_makes_it():
    (_, workload), = of_kind("DaemonSet")
    (name, priority), = of_kind("PriorityClass")
    (_, kustomization), = of_kind("Kustomization")
    assert pod_of(workload)["priorityClassName"] == priority["metadata"]["name"] and name in kustomization["resources"]
    assert 0 < priority["value"] <= 10**9 and priority["globalDefault"] is False


@each_workload
def test_the_ports_of_a_pod_are_those_of_its_config(workload):
    options = options_of(config_of(workload))
    ports = {p["name"]: (p["containerPort"], p["protocol"]) for p in server_of(workload)["ports"]}
    wanted = {"http": (int(options["http.listen"][0].rpartition(":")[2]), "TCP")}
    for url in options["listen.socket"]:
        m = re.match(r"udp://(?!127\.)[^:]+:(\d+)", url)
        if m:  # what other pods reach
            wanted["statsd"] = (int(m.group(1)), "UDP")
    assert ports == wanted


@each_workload
def test_folders_that_the_config_writes_to_are_mounted_and_writable(workload):
    options, server = options_of(config_of(workload)), server_of(workload)
    mounts = {m["mountPath"]: m for m in server["volumeMounts"]}
    paths = options["server.state_dir"] + [re.match(r"\w+://(/[^?]+)/", u).group(1) for u in options["listen.socket"] if "unix" in u]
    assert paths and all(not mounts[p].get("readOnly") for p in paths)
    assert {m["name"] for c in containers_of(pod_of(workload)) for m in c.get("volumeMounts", [])} == {v["name"] for v in pod_of(workload)["volumes"]}
    assert mounts["/etc/statsd"]["readOnly"]


@each_workload
def test_a_pod_has_more_time_to_stop_than_the_server_takes(workload):
    drain = options_of(config_of(workload))["server.drain_timeout"][0]
    assert int(drain.rstrip("s")) < pod_of(workload)["terminationGracePeriodSeconds"]


@each_workload
def test_the_server_in_a_pod_may_do_nothing_that_it_does_not_need(workload):
    pod, server = pod_of(workload), server_of(workload)
    of_both = {**pod["securityContext"], **server["securityContext"]}
    assert of_both["runAsNonRoot"] and of_both["runAsUser"] == of_both["runAsGroup"] == container.USER
    assert of_both["seccompProfile"] == {"type": "RuntimeDefault"}
    assert of_both["readOnlyRootFilesystem"] and not of_both["allowPrivilegeEscalation"] and of_both["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False and "hostNetwork" not in pod and "hostPID" not in pod


@each_workload
def test_probes_ask_what_the_server_answers(workload):
    server = server_of(workload)
    named = {p["name"] for p in server["ports"]}
    with Server() as s:
        for probe, path in (("startupProbe", "/-/ready"), ("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
            asked = server[probe]["httpGet"]
            assert asked["path"] == path and asked["port"] in named
            assert s.get(asked["path"])[0] == 200


def test_services_find_their_pods_and_the_monitor_finds_its_services():
    pods = {name: o["spec"]["template"]["metadata"]["labels"] for name, o in WORKLOADS}
    assert all(o["spec"]["selector"]["matchLabels"].items() <= pods[name].items() for name, o in WORKLOADS)
    (_, monitor), = of_kind("ServiceMonitor")
    scraped = {}
    for name, service in of_kind("Service"):
        to = {n: o for n, o in WORKLOADS if service["spec"]["selector"].items() <= pods[n].items()}
        assert len(to) == 1, (name, to)
        for port in service["spec"]["ports"]:
            for o in to.values():
                ports = {p["name"]: p["containerPort"] for p in server_of(o)["ports"]}
                assert ports.get(port["targetPort"], port["targetPort"]) == port["port"] and port["port"] in ports.values()
                # Kubernetes 1.29 to 1.31 look for no name in init containers.
                assert isinstance(port["targetPort"], int) or server_of(o) in pod_of(o)["containers"]
        if monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
            assert [p["name"] for p in service["spec"]["ports"]] == [monitor["spec"]["endpoints"][0]["port"]]
            scraped.update(to)
    assert set(scraped) == set(pods)


def test_the_node_is_who_a_server_of_the_daemon_set_is():
    (_, workload), = of_kind("DaemonSet")
    env = {e["name"]: e for e in server_of(workload)["env"]}
    assert env["STATSD_SERVER_INSTANCE"]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    names = {row.split("|")[1].strip(" `") for row in run("describe", "options", "--markdown").stdout.decode().splitlines()[2:]}
    assert {"STATSD_" + n.replace(".", "_").upper() for n in names} >= set(env)


# --- the image

@pytest.mark.skipif(not os.path.isdir("/var/lib/dpkg/info"), reason="not a Debian")
def test_the_image_installs_the_libraries_that_the_binary_is_linked_with_and_the_one_that_it_loads():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", subprocess.run(["readelf", "-d", STATSD], capture_output=True, text=True, check=True).stdout)
    installed = re.search(r"--no-install-recommends \\\n(.*?)&& \\\n", steps_of("RUN")[2], re.S).group(1).replace("\\", "").split()
    assert installed == sorted(installed) and "libcurl3-gnutls" in installed
    brings = {}
    for package in installed + ["libc6", "libtinfo6"]:  # the last two every image of Debian has
        for path in glob.glob("/var/lib/dpkg/info/%s.list" % package) + glob.glob("/var/lib/dpkg/info/%s:*.list" % package):
            brings.setdefault(package, set()).update(os.path.basename(line) for line in text_of(path).splitlines())
    brings.pop("libcurl3-gnutls", None)
    assert [n for n in needed if not any(n in b for b in brings.values())] == []
    assert [p for p, b in brings.items() if not b & set(needed)] in ([], ["libtinfo6"])


def test_the_image_is_of_this_version_listens_where_it_says_and_asks_itself_for_its_health(dir):
    options = options_of(text_of("contrib", "container", "statsd.conf"))
    check(text_of("contrib", "container", "statsd.conf"), dir)
    assert 'image.version="%s"' % VERSION in steps_of("LABEL")[0]
    assert steps_of("EXPOSE") == ["%s/udp %s/tcp" % (options["listen.socket"][0].rpartition(":")[2], options["http.listen"][0].rpartition(":")[2])]
    assert steps_of("USER") == ["%d:%d" % (container.USER, container.USER)]
    how, _, command = steps_of("HEALTHCHECK")[0].partition(" CMD ")
    at = steps_of("CMD")[0].strip("[]")
    assert command == '["statsd", "ready", %s]' % at and int(re.search(r"--timeout=(\d+)s", how).group(1)) > 3
    assert any(rest.endswith(" " + at.split('"')[3]) for rest in steps_of("COPY"))


def test_what_the_image_is_built_of_is_there_and_sent_to_the_builder():
    ignored = text_of(".containerignore").split("\n")
    for rest in steps_of("COPY"):
        words = rest.split()
        for source in words[:-1] if not words[0].startswith("--from") else []:
            assert os.path.exists(os.path.join(TOP, source)), source
            assert not [i for i in ignored if i and (source + "/").startswith(i + "/")], source
    assert text_of(".dockerignore") == text_of(".containerignore")


def test_the_compose_file_gives_the_server_ports_options_and_time():
    services = yaml.safe_load(text_of("contrib", "compose.yaml"))["services"]
    server = services["statsd"]
    assert os.path.exists(os.path.join(TOP, "contrib", server["build"]["context"], server["build"]["dockerfile"]))
    assert server["ports"] == ["127.0.0.1:8125:8125/udp", "127.0.0.1:9102:9102"]
    assert run("check", env=server["environment"]).returncode == 0
    assert server["read_only"] and server["cap_drop"] == ["ALL"] and int(server["stop_grace_period"].rstrip("s")) > 8
    # As the image's: one in podman's own format has none, and Prometheus waits for it.
    how, health = steps_of("HEALTHCHECK")[0].partition(" CMD "), server["healthcheck"]
    assert health["test"] == ["CMD"] + yaml.safe_load(how[2]) and services["prometheus"]["depends_on"]["statsd"]["condition"] == "service_healthy"
    assert {"--%s=%s" % (k.replace("_", "-"), v) for k, v in health.items() if k != "test"} == set(how[0].split())
    mounted = services["prometheus"]["volumes"][0].split(":")[0]
    config = yaml.safe_load(text_of("contrib", mounted))
    assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["statsd:9102"]


# --- against the schemas

in_nightly = pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="make nightly runs it")

# Of each document what is wrong with it, or nothing.  Keys that a model does not know are not in what it gives back.
WRONG_WITH_MONITORS = """
import json, sys
from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor
def wrong(given):
    try:
        taken = ServiceMonitor.model_validate(given).model_dump(mode="json", by_alias=True, exclude_unset=True)
    except ValueError as e:
        return str(e)
    return "" if taken == given else "given: %s, taken: %s" % (given, taken)
print(json.dumps([wrong(given) for given in json.load(sys.stdin)]))
"""


def with_package(dir, package):
    """The folder of programs of a Python that has the package."""
    subprocess.run([sys.executable, "-m", "venv", dir], check=True)
    got = subprocess.run([os.path.join(dir, "bin", "pip"), "install", "-q", package], capture_output=True, text=True)
    if got.returncode != 0:
        pytest.skip("%s cannot be installed: %s" % (package, got.stderr[-300:]))
    return os.path.join(dir, "bin")


@in_nightly
def test_the_schemas_of_kubernetes_know_every_key(dir):
    """kubernetes-validate carries them (108 MB, of PyPI); those of the operator it does not have."""
    programs = with_package(dir, "kubernetes-validate==1.37.0")
    files = [os.path.join(KUBERNETES, name) for name in sorted({n for n, _ in OBJECTS} - {"kustomization.yaml", "servicemonitor.yaml"})]
    for version in ("1.29.0", "1.33.0", "1.37.0"):
        got = subprocess.run([os.path.join(programs, "kubernetes-validate"), "-k", version, "--strict", *files], capture_output=True, text=True)
        assert got.returncode == 0, (version, got.stdout + got.stderr)


@in_nightly
def test_the_schemas_of_kubernetes_have_the_monitor_as_its_operator_does(dir):
    """cloudcoil's models are made of the operator's own definition of 0.80 (27 MB with what they need, of PyPI)."""
    programs = with_package(dir, "cloudcoil-models-prometheus-operator==0.80.1.0")
    (_, monitor), = of_kind("ServiceMonitor")
    given = [copy.deepcopy(monitor) for _ in range(4)]
    # The models do see what is wrong: a key that there is not, a value and a word that are not allowed.
    given[1]["spec"]["joblabel"] = "x"
    given[2]["spec"]["endpoints"][0]["interval"] = "15 s"
    given[3]["spec"]["endpoints"][0]["relabelings"][1]["action"] = "labelDrop"
    got = subprocess.run([os.path.join(programs, "python"), "-c", WRONG_WITH_MONITORS], input=json.dumps(given), capture_output=True, text=True)
    assert got.returncode == 0, got.stderr
    right, *wrong = json.loads(got.stdout)
    assert right == ""
    assert [key in said for key, said in zip(("joblabel", "interval", "action"), wrong)] == [True] * 3, wrong
