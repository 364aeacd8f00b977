"""docs/upgrading.md and SECURITY.md name the versions that the source has."""
import os
import re

import pytest

from harness import TOP, defaults, run

pytestmark = pytest.mark.plain


def text_of(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def number(path, name):
    return int(re.search(r"\b%s = (\d+)\b" % name, text_of(path)).group(1))


VERSION = re.search(r"^VERSION\s*:= (\S+)$", text_of("Makefile"), re.M).group(1)


def test_the_last_row_of_versions_is_that_of_this_source():
    rows = re.findall(r"^\| ([0-9.]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text_of("docs/upgrading.md"), re.M)
    assert rows[-1] == (VERSION, *(str(n) for n in (
        number("include/state/state.h", "STATE_VERSION"), number("src/sinks/redis/spool_file.c", "VERSION"),
        number("include/sinks/redis.h", "REDIS_BATCH_FORMAT"), number("src/takeover/wire.h", "WIRE_VERSION"))))


def test_this_version_has_its_notes_and_is_supported():
    assert run("--version").stdout.decode().split()[1] == VERSION
    assert "\n## %s\n" % VERSION in text_of("docs/upgrading.md")
    assert "| %s.x | yes |" % VERSION.rpartition(".")[0] in text_of("SECURITY.md")


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/upgrading.md", "docs/containers.md"])
def test_pages_that_are_named_are_there(page):
    text = text_of(page)
    named = re.findall(r"`((?:docs|contrib|tests)/[\w./-]+\.\w+|[A-Z]+\.md)`", text) + [t for t in re.findall(r"\]\(([^)#]+)\)", text)]
    assert named and [n for n in named if not os.path.exists(os.path.join(TOP, n))] == []
    heads = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^## (.*)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= heads


def test_defaults_that_the_notes_tell_are_the_defaults():
    # The option, its default, and what the page says of it, in one line.
    for name, default, said in (("server.drain_timeout", "8s", r"is 8 s\b"), ("redis.totals_ttl", "24h", r"for 24 h \| are removed"),
                                ("server.sandbox", "on", r"is on\b"), ("redis.spool_max_age", "10m", r"\(10 min\)")):
        lines = [line for line in text_of("docs/upgrading.md").splitlines() if "`" + name in line]
        assert defaults()[name] == default and [line for line in lines if re.search(said, line)], (name, defaults()[name], lines)
