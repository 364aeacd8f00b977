"""The manual pages and the completions of shells: where they are installed, that they are as the binary has it, and that they work."""
import os
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
