"""What README.md says of the program is what the program says."""
import os
import re
import subprocess

import harness
from harness import TOP

README = open(os.path.join(TOP, "README.md"), encoding="utf-8").read()


def test_tables_and_transcripts_are_those_of_the_binary():
    got = subprocess.run([os.path.join(TOP, "tests", "support", "readme.py"), harness.STATSD, "--check"], capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr + "\nremedy: make readme"


def test_every_file_that_is_named_is_there():
    named = re.findall(r"`((?:src|include|tests|docs|contrib|bench|\.ci)/[A-Za-z0-9_./-]*)`", README)
    assert len(named) > 20
    missing = [n for n in named if not os.path.exists(os.path.join(TOP, n))]
    assert missing == []


def test_every_make_target_that_is_named_is_there():
    help_ = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    for target in set(re.findall(r"`make ([a-z0-9-]+)", README)):
        assert re.search(r"make %s\s" % re.escape(target), help_), target
