"""The manual pages and the completions of shells: where they are installed, that they are as the binary has it, and that they work."""
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import harness
from harness import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import docs  # noqa: E402

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
    got = subprocess.run(reader + [page], cwd=TOP, capture_output=True, text=True, env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
    said = [line for line in got.stderr.splitlines() + (got.stdout.splitlines() if reader[0] == "mandoc" else [])
            if "mandoc.db" not in line]     # the machine's own index
    assert (got.returncode, said) == (0, [])


@pytest.mark.skipif(not shutil.which("mandoc"), reason="no mandoc")
def test_the_pages_name_every_command_flag_and_option():
    def shown(page):
        got = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", os.path.join("docs", "man", page)], cwd=TOP,
                             capture_output=True, text=True, check=True)
        return re.sub(".\b", "", got.stdout)     # struck twice is bold
    program, config = shown("statsd.1"), shown("statsd.conf.5")
    for row in harness.run("describe", "commands").stdout.decode().splitlines()[1:]:
        assert row.split("  ")[0].strip() in program
    for row in harness.run("describe", "flags").stdout.decode().splitlines()[1:]:
        assert row.split()[0] in program
    for row in harness.run("describe", "options").stdout.decode().splitlines()[1:]:
        assert "     %s\n" % row.split()[0] in config


def test_what_is_between_the_marks_is_made_anew_whatever_was_there():
    """So `docs.py --check`, which test_readme.py runs, tells each line that is stale."""
    def emptied(path):
        text = docs.read(path)
        return re.sub(r'(?m)(^ *(?:#|\.\\") told \w+\n)(?s:.*?)(^ *(?:#|\.\\") end$)', r"\1stale\n\2", text) if "told" in text else text
    made = docs.made(harness.STATSD, emptied)
    paths = [path for path in made if not path.endswith(".md")]
    assert len(paths) == (9 if os.path.exists(harness.STATSD + "-bench") else 5)
    assert [path for path in paths if made[path] != docs.read(path) or len(emptied(path)) >= len(made[path])] == []


def test_the_examples_of_the_pages_work(tmp_path):
    config = re.search(r"(?ms)^\.Sh EXAMPLES\n.*?^\.Bd -literal.*?\n(.*?)^\.Ed$", docs.read("docs/man/statsd.conf.5"))[1]
    (tmp_path / "statsd.conf").write_text(config, encoding="utf-8")
    got = harness.run("check", "-c", str(tmp_path / "statsd.conf"))
    assert (got.returncode, got.stderr) == (0, b"")
    ran = 0
    for line in re.findall(r"(?m)^\.Dl statsd (.*)$", docs.read("docs/man/statsd.1")):
        words = shlex.split(line.replace("\\(aq", "'"))
        if words[0] != "check":     # of a file that is not here
            got = harness.run(*(["check"] if words[0] == "--set" else []), *words)
            assert (got.returncode, got.stderr) == (0, b""), line
            ran += 1
    assert ran == 2
