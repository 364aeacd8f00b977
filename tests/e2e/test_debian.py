"""What debian/ says agrees with the tree.  That the packages work `make package-test` shows."""
import os
import re
import shutil
import subprocess

import pytest

import harness
from harness import TOP

pytestmark = pytest.mark.plain


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def unit(kind):
    """A unit as the package has it."""
    return subprocess.run(["sed", "-f", os.path.join(TOP, "debian/statsd.%s.sed" % kind), os.path.join(TOP, "contrib/systemd/statsd." + kind)],
                          capture_output=True, text=True, check=True).stdout


def setting(text, key):
    return re.findall(r"^%s=(.*)$" % key, text, flags=re.M)


def test_the_version_is_the_makefile_s():
    """In the changelog's first line, which a package for a second build of the same version may add to."""
    version = re.search(r"^VERSION +:= (\S+)$", read("Makefile"), flags=re.M).group(1)
    assert re.match(r"statsd \(%s[+~]?[^-)]*\) " % re.escape(version), read("debian/changelog"))


def test_what_a_build_needs_is_what_make_deps_installs():
    taken_for_granted = {"gcc", "make", "libc6-dev"}           # build-essential
    rows = [line.split()[:2] for line in read("tests/support/deps.sh").splitlines()]
    wanted = {row[1] for row in rows if len(row) == 2 and row[0] == "build"} - taken_for_granted
    source = re.search(r"^Build-Depends:\n((?: .*\n)+)", read("debian/control"), flags=re.M).group(1)
    named = {word.split()[0]: "<!nocheck>" in word for word in source.replace("\n", " ").split(",") if word.strip()}
    always = {name for name, only_tests in named.items() if not only_tests and not name.startswith(("debhelper", "dh-"))}
    assert always == wanted
    test = {row[1] for row in rows if len(row) == 2 and row[0] in ("test", "run")}
    assert {name for name, only_tests in named.items() if only_tests} <= test


@pytest.mark.parametrize("key, value", {
    "ExecStart": "/usr/bin/statsd -c /etc/statsd/statsd.conf", "User": "_statsd", "AppArmorProfile": "-statsd", "StateDirectory": "statsd", "Type": "notify",
}.items())
def test_the_service_of_the_package_has_its_places(key, value):
    assert setting(unit("service"), key) == [value]


def test_nothing_of_a_build_by_hand_is_in_the_units():
    for kind in ("service", "socket"):
        assert [word for word in ("/usr/local", "/etc/statsd.conf", "DynamicUser", "cp statsd") if word in unit(kind)] == [], kind
    # The rest is the same: no other line is lost.
    ours, theirs = unit("service").splitlines(), read("contrib/systemd/statsd.service").splitlines()
    lost = [line for line in theirs if line not in ours and not line.startswith("#")]
    assert [line.split("=")[0] for line in lost] == ["Documentation", "ExecStart", "DynamicUser"]


def test_apparmor_lets_every_program_of_the_unit_run():
    """All of them run under its AppArmorProfile=, ExecReload= too."""
    programs = {re.sub(r"^[-@:+!|]+", "", line.split()[0]) for line in re.findall(r"^Exec\w+=(.*)$", unit("service"), flags=re.M)}
    assert {"/usr/bin/statsd", "/bin/kill"} <= programs
    # {,usr/}: with it and without.
    rules = re.findall(r"^  (/\S+) mr,$", read("debian/apparmor/statsd"), flags=re.M)
    allowed = {way for rule in rules for way in (re.sub(r"\{,([^}]*)\}", r"\1", rule), re.sub(r"\{,[^}]*\}", "", rule))}
    assert programs <= allowed


@pytest.mark.parametrize("folder", ["/var/lib/" + setting(unit("service"), "StateDirectory")[0], "@{run}/" + setting(unit("service"), "RuntimeDirectory")[0]])
def test_apparmor_lets_the_server_lock_its_folders(folder):
    """The folder itself is locked, and a rule of what is in it (**) does not hold for it."""
    (allowed,) = re.findall(r"^  %s/ (\w+),$" % re.escape(folder), read("debian/apparmor/statsd"), flags=re.M)
    assert set("rwk") <= set(allowed)


def test_the_user_of_the_unit_is_the_one_that_is_made():
    assert read("debian/statsd.sysusers").split()[:2] == ["u", setting(unit("service"), "User")[0]]


# In comments of the config, with what one would say there instead of the default.
EXAMPLES = {"listen.socket", "prometheus.mapping", "redis.url", "redis.password_file"}


def test_the_config_of_the_package_is_right_and_its_comments_are_the_defaults():
    got = harness.run("check", "-c", os.path.join(TOP, "debian/statsd.conf"))
    assert got.returncode == 0, got.stderr
    defaults = harness.defaults()
    section, seen, examples = None, set(), set()
    for line in read("debian/statsd.conf").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        option = re.match(r"(#?)([a-z_]+) =(.*)$", line)
        if option:
            name, value = section + "." + option.group(2), option.group(3).strip()
            assert name in defaults, line
            seen.add(name)
            if option.group(1) and value != defaults[name]:
                examples.add(name)
    assert examples == EXAMPLES and len(seen) > len(EXAMPLES) + 2


def test_the_socket_unit_has_the_addresses_of_the_config():
    conf, sockets = read("debian/statsd.conf"), unit("socket")
    addresses = re.findall(r"^(?:socket = udp://|listen = )(\S+)$", conf, flags=re.M)
    assert len(addresses) == 2
    assert set(addresses) == set(re.findall(r"^Listen\w+=(\S+)$", sockets, flags=re.M))


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="no apparmor_parser")
def test_apparmor_understands_the_profile():
    got = subprocess.run(["apparmor_parser", "-QK", os.path.join(TOP, "debian/apparmor/statsd")], capture_output=True, text=True)
    assert got.returncode == 0, got.stderr


@pytest.mark.parametrize("script", ["tests/support/deb.sh", "tests/package/package.sh", "tests/package/inside.sh", "tests/package/vm.sh", "tests/package/newcomer.sh",
                                    "debian/tests/smoke", "debian/tests/service"])
def test_bash_reads_the_scripts(script):
    got = subprocess.run(["bash", "-n", os.path.join(TOP, script)], capture_output=True, text=True)
    assert (got.returncode, got.stderr) == (0, "") and os.access(os.path.join(TOP, script), os.X_OK)
