"""What README.md and docs/ say of the program is what the program says."""
import os
import re
import subprocess
import sys

import pytest

import harness
from harness import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import docs  # noqa: E402


def read(page):
    with open(os.path.join(TOP, page), encoding="utf-8") as f:
        return f.read()


def test_tables_and_transcripts_are_those_of_the_binary():
    got = subprocess.run([os.path.join(TOP, "tests", "support", "docs.py"), harness.STATSD, "--check"], capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr + "\nremedy: make docs"


@pytest.mark.parametrize("what", ["options", "metrics", "reasons"])
def test_each_table_is_in_the_reference_once_and_nowhere_else(what):
    held = {page: read(page).count("<!-- describe %s -->" % what) for page in docs.pages()}
    assert {page: n for page, n in held.items() if n} == {"docs/reference.md": 1}


@pytest.mark.parametrize("page", docs.pages())
def test_every_file_that_is_named_is_there(page):
    named = re.findall(r"`((?:src|include|tests|docs|contrib|bench|\.ci)/[A-Za-z0-9_./-]*)`", read(page))
    assert page != "README.md" or len(named) > 5
    assert [n for n in named if not os.path.exists(os.path.join(TOP, n))] == []


@pytest.mark.parametrize("page", docs.pages())
def test_every_make_target_that_is_named_is_there(page):
    help_ = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    for target in set(re.findall(r"`make ([a-z0-9-]+)", read(page))):
        assert re.search(r"make %s\s" % re.escape(target), help_), target
