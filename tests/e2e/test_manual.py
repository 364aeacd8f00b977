"""The manual pages and the completions of shells: where they are installed, that they are as the binary has it, and that they work."""
import os
import shutil
import subprocess

import pytest

import harness
from harness import TOP

pytestmark = pytest.mark.plain
BUILD = os.path.dirname(harness.STATSD)


def support(script, *words, **more):
    return subprocess.run([os.path.join(TOP, "tests", "support", script), *map(str, words)], capture_output=True, text=True, **more)


def files_below(top):
    return sorted(os.path.relpath(os.path.join(folder, name), top) for folder, _, names in os.walk(top) for name in names)


@pytest.mark.parametrize("prefix, zsh", [("/usr", "vendor-completions"), ("/usr/local", "site-functions")])
def test_install_puts_manual_and_completions_where_they_are_looked_for_and_uninstall_takes_all_away(tmp_path, prefix, zsh):
    assert support("install.sh", "install", BUILD, tmp_path, prefix).returncode == 0
    put = files_below(tmp_path)
    for path in ("bin/statsd", "share/man/man1/statsd.1", "share/man/man5/statsd.conf.5", "share/bash-completion/completions/statsd",
                 "share/zsh/%s/_statsd" % zsh, "share/fish/vendor_completions.d/statsd.fish", "share/doc/statsd/statsd.conf.example"):
        assert prefix[1:] + "/" + path in put
    assert ("bin/statsd-bench" in " ".join(put)) == ("man1/statsd-bench.1" in " ".join(put)) == os.path.exists(harness.STATSD + "-bench")
    assert support("install.sh", "uninstall", BUILD, tmp_path, prefix).returncode == 0
    assert files_below(tmp_path) == []


PAGES = sorted(os.path.join("docs", "man", name) for name in os.listdir(os.path.join(TOP, "docs", "man")))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("reader", [["mandoc", "-T", "lint", "-W", "warning"],
                                    ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]], ids=["mandoc", "man"])
def test_a_page_is_read_without_a_warning(page, reader):
    if not shutil.which(reader[0]):
        pytest.skip("no " + reader[0])
    got = subprocess.run(reader + [page], cwd=TOP, capture_output=True, text=True, env={**os.environ, "MANROFFSEQ": ""})
    said = [line for line in got.stderr.splitlines() + (got.stdout.splitlines() if reader[0] == "mandoc" else [])
            if "mandoc.db" not in line]     # the machine's own index
    assert (got.returncode, said) == (0, [])


@pytest.mark.skipif(not shutil.which("man"), reason="no man")
def test_the_pages_name_every_command_flag_and_option():
    def shown(page):
        got = subprocess.run(["man", "-l", os.path.join("docs", "man", page)], cwd=TOP, capture_output=True, text=True,
                             env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"}, check=True)
        return got.stdout
    program, config = shown("statsd.1"), shown("statsd.conf.5")
    for row in harness.run("describe", "commands").stdout.decode().splitlines()[1:]:
        assert " ".join(row.split()[:1]) in program
    for row in harness.run("describe", "flags").stdout.decode().splitlines()[1:]:
        assert row.split()[0] in program
    for row in harness.run("describe", "options").stdout.decode().splitlines()[1:]:
        assert "     %s\n" % row.split()[0] in config
