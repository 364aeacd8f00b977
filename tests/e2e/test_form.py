"""`make format-check` and `make tidy` say what fails and how much, and their exit status says whether."""
import os
import shutil
import subprocess

import pytest

from harness import TOP

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
