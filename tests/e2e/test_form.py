"""`make format-check` and `make tidy` say what fails and how much, and their exit status says whether; `make census` counts."""
import os
import shutil
import subprocess

import pytest

from harness import TOP

pytestmark = pytest.mark.plain
FORM = os.path.join(TOP, "tests", "support", "form.sh")
formats = pytest.mark.skipif(not shutil.which("clang-format"), reason="no clang-format")
tidies = pytest.mark.skipif(not shutil.which("clang-tidy"), reason="no clang-tidy")


@pytest.fixture
def tree(tmp_path):
    for rules in (".clang-format", ".clang-tidy"):
        shutil.copy(os.path.join(TOP, rules), tmp_path)

    def put(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name
    put.run = lambda *words: subprocess.run([FORM, *words], cwd=tmp_path, capture_output=True, text=True)
    return put


@formats
def test_a_file_in_form_passes_and_a_hundred_columns_are_characters(tree):
    fine = tree("fine.c", "int x;\n/* %s */\n" % ("\u00e9" * 94))
    got = tree.run("format", fine)
    assert (got.returncode, got.stdout) == (0, "format: 0 of 1 files, 0 lines would change, 0 lines over 100 columns\n")


@formats
def test_of_one_file_it_says_which_lines_and_why(tree):
    bad = tree("bad.c", "int  x;\n/* %s */\n" % ("a" * 95))
    got = tree.run("format", bad)
    assert got.returncode == 1
    assert "< int  x;" in got.stdout and "> int x;" in got.stdout
    assert "bad.c:2: 101 columns\n" in got.stdout
    assert got.stdout.endswith("format: 1 of 1 files, 1 lines would change, 1 lines over 100 columns\n")


@formats
def test_of_several_files_it_says_how_much_of_each_that_fails(tree):
    fine, bad = tree("fine.c", "int x;\n"), tree("bad.c", "int  x;\nint  y;\n")
    got = tree.run("format", fine, bad, "none.c")
    assert got.returncode == 1
    lines = got.stdout.splitlines()
    assert lines[0].split() == "bad.c 2 lines would change, 0 over 100 columns".split()
    assert lines[1:] == ["none.c: clang-format failed", "format: 2 of 3 files, 2 lines would change, 0 lines over 100 columns"]


@tidies
def test_tidy_tells_its_findings_and_their_number(tree):
    fine = tree("fine.c", "int main(void)\n{\n    return 0;\n}\n")
    bad = tree("bad.c", "int main(void)\n{\n    char *p = 0;\n    return *p;\n}\n")
    got = tree.run("tidy", fine, bad, "--", "-std=c11")
    assert got.returncode == 1
    assert "bad.c:4:12: " in got.stdout and "fine.c" not in got.stdout
    assert got.stdout.endswith("tidy: 1 findings in 2 files\n")
    got = tree.run("tidy", fine, "--", "-std=c11")
    assert (got.returncode, got.stdout) == (0, "tidy: 0 findings in 1 files\n")


def test_the_census_counts_lines_columns_asserts_comments_and_includes(tmp_path):
    def put(name, text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    put("include/base/buf.h", "/* A\n * buf */\n#include <stdio.h>\n\nint x;\n")
    put("src/app/turn.c", '#include "base/buf.h"\n'
        "static void turn_check(const int *t)\n{\n    assert(*t); /* assert() */\n}\n"
        "int run(int *t)\n{\n    turn_check(t);\n    puts(\"assert()\");\n    return url_check(t);\n}\n")
    put("tests/unit/app/test_turn.c", "int y; // %s\n" % ("\u00e9" * 93))
    got = subprocess.run([os.path.join(os.path.dirname(FORM), "census.sh"), str(tmp_path)], capture_output=True, text=True, check=True)
    rows = {line.split()[0]: line.split()[1:] for line in got.stdout.splitlines()[2:]}
    assert rows["base"] == "1 5 0 0 0 0 0 0.0 50 - -".split()
    assert rows["app"] == "1 0 11 1 0 1 2 181.8 - 0 0 base 1".split()
    assert rows["all"] == "2 5 11 1 0 1 2 125.0 50 0 0".split()
