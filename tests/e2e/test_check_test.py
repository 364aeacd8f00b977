"""`statsd check` over mapping files: what it warns of, and the test files of `check --test`."""
import glob
import os

import pytest

from harness import TOP, run

pytestmark = pytest.mark.command

CONTRIB = sorted(glob.glob(os.path.join(TOP, "contrib", "mapping", "*_test.yml")))

RULES = """mappings:
- match: "api.*.time"
  name: api_time
  labels: {who: "$1"}
- match: "api.debug.*"
  name: dropped
  action: drop
"""


def check(tmp_path, cases, *words, mapping=RULES):
    (tmp_path / "m.yml").write_text(mapping, encoding="utf-8")
    (tmp_path / "t.yml").write_text(cases, encoding="utf-8")
    got = run("check", "--test", str(tmp_path / "t.yml"), *words)
    return got.returncode, got.stdout.decode().replace(str(tmp_path) + "/", ""), got.stderr.decode().replace(str(tmp_path) + "/", "")


# --- test files

def test_every_mapping_file_that_comes_along_has_a_test_file():
    assert len(CONTRIB) >= 6
    mappings = [f for f in glob.glob(os.path.join(TOP, "contrib", "mapping", "*.yml")) if not f.endswith("_test.yml")]
    assert sorted(m[:-len(".yml")] + "_test.yml" for m in mappings) == CONTRIB


@pytest.mark.parametrize("file", CONTRIB, ids=os.path.basename)
def test_the_test_files_that_come_along_pass(file):
    got = run("check", "--test", file)
    assert got.returncode == 0 and got.stderr == b"", (got.stdout, got.stderr)
    passed = int(got.stdout.split()[0])
    with open(file, encoding="utf-8") as f:
        assert passed == f.read().count("\n- name:") > 0
    assert got.stdout.decode() == "%d passed, 0 failed\n" % passed


def test_the_files_that_come_along_have_no_warnings():
    for file in CONTRIB:
        got = run("check", "--set", "prometheus.mapping=%s" % file.replace("_test.yml", ".yml"))
        first = got.stdout.decode().split("\n")[1]
        assert got.returncode == 0 and first.startswith("mapping    ok") and "warning" not in first, got.stdout


def test_a_case_that_fails_shows_what_is_missing_what_is_there_and_which_rule_it_was(tmp_path):
    code, out, err = check(tmp_path, """- mapping: m.yml
- name: this is right
  lines: api.eu.time:1|g
  expect: api_time{who="eu"} 1
- name: this is not
  lines: |
    api.eu.time:1|g
    api.debug.x:1|c
    api.eu.tim:1|g
  expect: |
    api_time{who="eu"} 2
    api_time{who="us"} 1
""")
    assert (code, err) == (1, "")
    assert out == """t.yml:5: this is not
  + api_eu_tim 1
  - api_time{who="eu"} 2
  + api_time{who="eu"} 1
  - api_time{who="us"} 1
  api.eu.time
    rule m.yml:2  api.*.time
  api.debug.x
    dropped by rule m.yml:5  api.debug.*
  api.eu.tim
    no rule of m.yml matches
    near miss m.yml:2  api.*.time: component 3 is "tim", not "time"

1 passed, 1 failed
"""


@pytest.mark.parametrize("fields, shown", [
    ('expect: "api_time{who=\\"eu\\"} 1\\nx 1"', ""),
    ("expect: |\n    # HELP x\n    x 1\n    \n      api_time{who=\"eu\"} 1  \n    x 1", ""),
    ("absent: y 1", ""),
    ("absent: x 1", "  + x 1\n"),
    ("expect: x 1", '  + api_time{who="eu"} 1\n'),
    ('expect: ""', '  + api_time{who="eu"} 1\n  + x 1\n'),
    ('expect: ""\n  absent: x 1', '  + api_time{who="eu"} 1\n  + x 1\n'),
    ("expect: |\n    x 1\n    api_time{who=\"eu\"} 1\n  absent: x 1", "  + x 1\n"),
])
def test_expect_is_exactly_what_is_shown_and_absent_what_must_not_be(tmp_path, fields, shown):
    code, out, err = check(tmp_path, "- mapping: m.yml\n- name: n\n  lines: |\n    api.eu.time:1|g\n    x:1|c\n  %s\n" % fields)
    assert err == ""
    if shown == "":
        assert (code, out) == (0, "1 passed, 0 failed\n")
    else:
        assert code == 1 and out.startswith("t.yml:2: n\n" + shown + "  api.eu.time\n"), out


def test_cases_do_not_see_each_other(tmp_path):
    case = "- name: n\n  lines: 'x:1|c'\n  expect: x 1\n"
    assert check(tmp_path, "- mapping: m.yml\n" + 2000 * case) == (0, "2000 passed, 0 failed\n", "")


def test_a_line_that_is_refused_fails_its_case(tmp_path):
    code, out, _ = check(tmp_path, "- mapping: m.yml\n- name: n\n  lines: |\n    \"x\\e:1\"\n    y:1|c\n  expect: y 1\n")
    assert code == 1 and '  refused: "x\\e:1": ' in out and out.endswith("\n0 passed, 1 failed\n"), out


def test_a_type_conflict_is_told(tmp_path):
    code, out, _ = check(tmp_path, "- mapping: m.yml\n- name: n\n  lines: |\n    y:1|c\n    y:1|g\n  expect: ''\n")
    assert code == 1 and "not on /metrics:\n  y as a gauge: " in out, out


def test_nothing_in_a_test_file_reaches_the_terminal_as_it_is(tmp_path):
    code, out, _ = check(tmp_path, '- mapping: m.yml\n- name: "a\\eb\\nc"\n  lines: "a:1|c\\nb:\\e"\n  expect: "x\\e 1"\n')
    assert code == 1 and "\x1b" not in out and "a\\x1bb\\x0ac" in out, out


def test_other_options_apply_and_the_mapping_of_the_file_wins(tmp_path):
    (tmp_path / "c.conf").write_text("[prometheus]\nsuffixes = on\nmapping = /nowhere.yml\n")
    cases = "- mapping: m.yml\n- name: n\n  lines: 'x:1|c'\n  expect: x_total 1\n"
    assert check(tmp_path, cases, "-c", str(tmp_path / "c.conf")) == (0, "1 passed, 0 failed\n", "")
    assert check(tmp_path, cases, "--set", "prometheus.suffixes=on", "--set", "prometheus.mapping=/nowhere.yml") == (0, "1 passed, 0 failed\n", "")


def test_a_file_that_names_no_mapping_tests_that_of_the_config(tmp_path):
    cases = "- name: n\n  lines: api.eu.time:1|g\n  expect: api_time{who=\"eu\"} 1\n"
    assert check(tmp_path, cases, "--set", "prometheus.mapping=%s" % (tmp_path / "m.yml")) == (0, "1 passed, 0 failed\n", "")
    code, out, err = check(tmp_path, cases)
    assert (code, out) == (2, "") and "t.yml names no mapping file: let its first element be - mapping: FILE" in err


@pytest.mark.parametrize("cases, mapping, says", [
    ("- mapping: m.yml\n- name: n\n", RULES, "t.yml:2: the case has no lines"),
    ("- mapping: m.yml\n- {name: n, lines: 'a:1|c', expect: ''}\n", "mappings:\n- match: a.b*\n", "m.yml:2: rule 1 (a.b*): "),
    ("- mapping: other.yml\n- {name: n, lines: 'a:1|c', expect: ''}\n", RULES, "other.yml: cannot read the mapping file: No such file"),
    ("- {name: [", RULES, "t.yml:"),
])
def test_mistakes_in_either_file_are_config_errors(tmp_path, cases, mapping, says):
    code, out, err = check(tmp_path, cases, mapping=mapping)
    assert (code, out) == (2, "") and says in err and " in the " in err.split("\n")[-2], err


def test_a_folder_or_nothing_is_no_test_file(tmp_path):
    for file in (str(tmp_path), str(tmp_path / "none.yml")):
        got = run("check", "--test", file)
        assert got.returncode == 2 and b"cannot read the test file" in got.stderr
    got = run("explain", "--test", "x")
    assert got.returncode == 2 and b"explain does not take --test" in got.stderr


# --- warnings

def test_check_shows_what_is_hardly_meant_in_a_mapping_file(tmp_path):
    text = RULES + '- match: "api.eu.time"\n  name: never\n- match: "x.*"\n  name: x_$2\n'
    file = tmp_path / "m.yml"
    file.write_text(text)
    got = run("check", "--set", "prometheus.mapping=%s" % file)
    out = got.stdout.decode().replace(str(tmp_path) + "/", "")
    assert got.returncode == 0 and got.stderr == b""
    assert "mapping    ok  m.yml  4 rules, 1 profile, 2 warnings\n" in out
    part = out.split("\nin the mapping file\n")[1].split("\n\n")[0].split("\n")
    assert part[0].startswith("  m.yml:8: rule 3 (api.eu.time): never matches: rule 1 (api.*.time) on line 2 ")
    assert part[1].startswith("  m.yml:10: rule 4 (x.*): name: $2 is always empty")
    assert part[2].startswith("  m.yml: hint: ") and len(part) == 3


def test_without_a_mapping_file_check_says_nothing_of_one():
    assert b"mapping" not in run("check").stdout


def test_the_sign_of_a_gauge_is_read_as_the_first_socket_says(tmp_path):
    lines = 'api.eu.time:1|g\n    api.eu.time:-5|g\n'
    cases = "- mapping: m.yml\n- name: sign\n  lines: |\n    %s  expect: api_time{who=\"eu\"} %%d\n" % lines
    for sign, value in (("absolute", -5), ("delta", -4)):
        code, out, err = check(tmp_path, cases % value, "--set", "listen.socket=udp://127.0.0.1:0?gauge_sign=%s" % sign)
        assert (code, err) == (0, "") and out == "1 passed, 0 failed\n", out


@pytest.mark.parametrize("wanted", [1, 5])  # sorted before and behind the 3 that is shown
def test_what_is_expected_of_a_series_stands_above_what_it_shows(tmp_path, wanted):
    code, out, _ = check(tmp_path, "- mapping: m.yml\n- name: value\n  lines: |\n    api.eu.time:3|g\n    zz:1|g\n"
                                   "  expect: |\n    api_time{who=\"eu\"} %d\n    zz 1\n" % wanted)
    lines = [line.strip() for line in out.split("\n")]
    at = lines.index('- api_time{who="eu"} %d' % wanted)
    assert code != 0 and lines[at + 1] == '+ api_time{who="eu"} 3', out


def test_another_series_stands_where_its_name_is_sorted(tmp_path):
    code, out, _ = check(tmp_path, "- mapping: m.yml\n- name: other\n  lines: a:3|g\n  expect: b 5\n")
    lines = [line.strip() for line in out.split("\n")]
    at = lines.index("+ a 3")
    assert code != 0 and lines[at + 1] == "- b 5", out
