"""Mapping files of statsd_exporter: every case of the corpus, by `statsd explain` and by the running server."""
import json
import os
import subprocess

import pytest

from harness import STATSD, TOP, Server, clean_env, metrics_balance, run, wait_for

pytestmark = pytest.mark.answers

with open(os.path.join(TOP, "tests", "conformance", "mapping.jsonl"), encoding="utf-8") as f:
    CASES = [json.loads(line) for line in f if line.strip()]
BAD = [c for c in CASES if c["expect_series"] == "config_error"]
GOOD = [c for c in CASES if c["expect_series"] != "config_error"]
by_id = lambda c: c["id"]


def setting(tmp_path, text):
    path = tmp_path / "mapping.yml"
    path.write_text(text, encoding="utf-8")
    return "prometheus.mapping=%s" % path


def expect(case, shown):
    """shown: the lines of metrics."""
    if case["expect_series"] == "dropped":
        assert shown == []
        return
    for line in case["expect_series"].split("\n"):
        assert line in shown
    for line in case.get("absent", []):
        assert line not in shown


def own_lines(server):
    lines = server.page().decode().split("\n")
    return [l for l in lines if l and not l.startswith(("#", "statsd_", "process_"))]


def explain(tmp_path, text, *lines):
    got = run("explain", "--json", "--set", setting(tmp_path, text), stdin="\n".join(lines).encode())
    assert got.stderr == b""
    return json.loads(got.stdout)


def explain_text(tmp_path, text, *lines):
    got = run("explain", "--set", setting(tmp_path, text), *lines)
    assert got.stderr == b""
    return got.stdout.decode()


# --- the corpus

def test_there_are_cases_of_both_kinds():
    assert len(BAD) >= 30 and len(GOOD) >= 70


@pytest.mark.command
@pytest.mark.parametrize("case", GOOD, ids=by_id)
def test_explain_shows_what_statsd_exporter_shows(tmp_path, case):
    told = explain(tmp_path, case["mapping_yaml"], case["line"])
    expect(case, [l for l in told["exposition"].split("\n") if l])


@pytest.mark.parametrize("case", GOOD, ids=by_id)
def test_the_server_shows_what_statsd_exporter_shows(tmp_path, case):
    with Server(setting(tmp_path, case["mapping_yaml"])) as s:
        s.send(case["line"])
        s.wait_self("statsd_lines_received_total", len(case["line"].split("\n")))
        expect(case, own_lines(s))
        page = s.scrape()
        metrics_balance(page)
        assert (page.sum("statsd_samples_dropped_total") > 0) == ("drop" in case["mapping_yaml"] or case["expect_series"] == "dropped")


@pytest.mark.parametrize("words", [(), ("check",), ("explain", "a:1|c")], ids=["run", "check", "explain"])
@pytest.mark.parametrize("case", BAD, ids=by_id)
def test_a_file_with_a_mistake_is_a_config_error(tmp_path, case, words):
    set_mapping = setting(tmp_path, case["mapping_yaml"])
    words = words[:1] + ("--set", set_mapping, "--set", "listen.socket=udp://127.0.0.1:0", "--set", "http.listen=") + words[1:]
    got = subprocess.run([STATSD, *words], capture_output=True, env=clean_env(), timeout=30)
    assert got.returncode == 2, got.stdout
    assert got.stdout == b""
    err = got.stderr.decode()
    assert str(tmp_path / "mapping.yml") in err and "in the mapping" in err


# --- mistakes

def test_all_mistakes_are_told_at_once_with_file_line_and_rule(tmp_path):
    text = """mappings:
- match: a.*x.b
  name: one
- match: ok.*
  name: fine
- match: "(("
  match_type: regex
  name: two
- match: c
  name: bad-name
"""
    got = run("check", "--set", setting(tmp_path, text))
    err = got.stderr.decode()
    assert got.returncode == 2
    file = str(tmp_path / "mapping.yml")
    assert "%s:2: " % file in err and "%s:6: " % file in err and "%s:10: " % file in err, err


def test_regexes_that_do_not_compile_are_told_at_once(tmp_path):
    text = "mappings:\n" + "".join('- match: "%s"\n  match_type: regex\n  name: n\n' % r for r in ("((", "fine", "[a"))
    got = run("check", "--set", setting(tmp_path, text))
    err = got.stderr.decode()
    file = str(tmp_path / "mapping.yml")
    assert got.returncode == 2
    assert "%s:2: " % file in err and "%s:8: " % file in err and "2 mistakes in the mapping" in err, err


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    got = run("check", "--set", "prometheus.mapping=%s" % (tmp_path / "none.yml"))
    assert got.returncode == 2
    assert "none.yml" in got.stderr.decode()


def rules_with_ttls(n):
    return "mappings:\n" + "".join("- match: a%d\n  name: a%d\n  ttl: %ds\n" % (i, i, 1000 + i) for i in range(n))


def test_more_sets_of_options_than_there_may_be_are_a_mistake_that_says_what_to_do(tmp_path):
    assert run("check", "--set", setting(tmp_path, rules_with_ttls(255))).returncode == 0
    got = run("check", "--set", setting(tmp_path, rules_with_ttls(256)))
    err = got.stderr.decode()
    assert got.returncode == 2
    assert "%s:767: " % (tmp_path / "mapping.yml") in err and "256" in err and "same" in err, err


def test_rules_with_the_same_options_share_them(tmp_path):
    text = "mappings:\n" + "".join("- match: a%d\n  name: a%d\n  help: \"text %d\"\n  scale: %d\n" % (i, i, i, i % 3) for i in range(1000))
    out = run("check", "--set", setting(tmp_path, text)).stdout.decode()
    assert "1000 rules, 3 profiles" in out, out


def test_options_that_a_rule_has_no_use_for_make_no_profile(tmp_path):
    text = """mappings:
- {match: a, name: a, match_metric_type: counter, observer_type: histogram, histogram_options: {buckets: [1]}}
- {match: b, name: b, action: drop, scale: 7}
- {match: c, name: c, observer_type: histogram, histogram_options: {buckets: [1]}}
"""
    out = run("check", "--set", setting(tmp_path, text)).stdout.decode()
    assert "3 rules, 2 profiles" in out, out


def bound(*sets):
    out = run("check", *[w for s in sets for w in ("--set", s)]).stdout.decode()
    line = next(l for l in out.split("\n") if "the process altogether" in l)
    n, unit = line.split()[:2]
    return float(n) * {"MiB": 1, "GiB": 1024}[unit]


def test_the_memory_bound_follows_the_largest_profile_and_the_rules(tmp_path):
    sets = ["server.workers=1", "limits.max_series=10000"]
    plain = bound(*sets)
    few = bound(*sets, setting(tmp_path, "mappings:\n- {match: a, name: a}\n"))
    assert few > plain
    many = "mappings:\n- {match: a, name: a, observer_type: histogram, histogram_options: {buckets: [%s]}}\n"
    assert bound(*sets, setting(tmp_path, many % ", ".join(map(str, range(128))))) > few + 5


# --- explain

RULES = """mappings:
- match: api.*.time
  name: api_seconds
  labels: {route: "$1"}
- match: api.internal.*
  name: internal
  action: drop
- match: "^x[.](.*)$"
  match_type: regex
  name: "$1"
"""


def test_explain_names_file_line_and_rule(tmp_path):
    out = explain_text(tmp_path, RULES, "api.login.time:3|ms")
    assert "    rule %s:2  api.*.time\n" % (tmp_path / "mapping.yml") in out
    told = explain(tmp_path, RULES, "api.login.time:3|ms")
    assert told["rules"][0]["line"] == 2 and told["rules"][0]["match"] == "api.*.time" and told["rules"][0]["action"] == "map"
    assert "dropped" not in told["rules"][0]


def test_explain_says_what_a_rule_drops_and_why(tmp_path):
    out = explain_text(tmp_path, RULES, "api.internal.hits:3|s", "x.:1|c")
    assert "    dropped by rule %s:5  api.internal.*\n" % (tmp_path / "mapping.yml") in out
    assert "    dropped by rule %s:8  ^x[.](.*)$: the name that it makes is empty\n" % (tmp_path / "mapping.yml") in out
    assert "on /metrics" not in out
    told = explain(tmp_path, RULES, "api.internal.hits:3|c", "x.:1|c", "other:1|c")
    assert [r.get("dropped") for r in told["rules"]] == ["rule", "empty_name", None]
    assert "match" not in told["rules"][2]
    assert told["exposition"] == "other 1"


def test_the_samples_of_explain_stay_as_documented(tmp_path):
    with_rules, without = explain(tmp_path, RULES, "api.login.time:3|ms|#a:b"), explain(tmp_path, "", "api.login.time:3|ms|#a:b")
    assert with_rules["samples"] == without["samples"]
    assert set(with_rules) - set(without) <= {"rules"}


def test_explain_shows_the_rule_that_nearly_matched(tmp_path):
    out = explain_text(tmp_path, RULES, "API.login.time:3|ms")
    assert "    no rule of %s matches\n" % (tmp_path / "mapping.yml") in out
    assert "    near miss %s:2  api.*.time: " % (tmp_path / "mapping.yml") in out


def test_a_scale_below_zero_turns_decrements_round(tmp_path):
    rule = "mappings:\n- {match: a, name: n, scale: -2}\n"
    told = explain(tmp_path, rule, "a:5|c", "a:-3|c")
    assert told["exposition"] == "n 6"
    assert "the decrements, 5 in all" in explain_text(tmp_path, rule, "a:5|c", "a:-3|c")


# --- what the cases leave open

SHOWN = {
    "several series on one gauge line, each with its scale": (
        "mappings:\n- {match: a, name: g, scale: 10}\n- {match: b, name: g, scale: 0.5}\n",
        ["a:5|g", "b:+8|g", "a:-1|g"], ["g 44"]),
    "several series on one counter, each with its scale": (
        "mappings:\n- {match: a, name: n, scale: 10}\n- {match: b, name: n, scale: 0.5}\n",
        ["a:5|c", "b:8|c"], ["n 54"]),
    "timers of two units and two scales share a summary": (
        "mappings:\n- {match: a, name: t, scale: 10}\n- {match: b, name: t}\n",
        ["a:100|ms", "b:2|h", "a:3|h", "b:1000|ms"], ["t_count 4", "t_sum 34"]),
    "a scale below zero turns the order of quantiles round": (
        "mappings:\n- {match: a, name: t, scale: -1, summary_options: {quantiles: [{quantile: 0.01, error: 0.1}, {quantile: 1, error: 0}]}, observer_type: summary}\n",
        ["a:1:2:3:4|h"], ['t{quantile="0.01"} -4', 't{quantile="1"} -1', "t_sum -10"]),
    "buckets count scaled values": (
        "mappings:\n- {match: a, name: t, scale: 100, observer_type: histogram, histogram_options: {buckets: [1, 10]}}\n",
        ["a:20|ms", "a:0.5|h"], ['t_bucket{le="1"} 0', 't_bucket{le="10"} 1', 't_bucket{le="+Inf"} 2', "t_sum 52"]),
    "scale 0 is honoured for every type": (
        "mappings:\n- {match: 'c', name: c, scale: 0}\n- {match: g, name: g, scale: 0}\n- {match: t, name: t, scale: 0}\n",
        ["c:5|c", "g:5|g", "t:5|h"], ["c 0", "g 0", "t_sum 0", 't{quantile="0.5"} 0', "t_count 1"]),
    "a product beyond the doubles is left out": (
        "mappings:\n- {match: a, name: a, scale: 1e300}\n- {match: g, name: g, scale: 1e300}\n",
        ["a:1e200|c", "a:1|c", "g:1e200|g", "g:+1e200|g"], ["a 0", "g 0"]),
    "with a scale below zero a zero makes its line, alone and among increments": (
        "mappings:\n- {match: '*', name: 'n_${1}', scale: -2}\n",
        ["a:0|c", "b:5|c", "b:0|c", "c:0|c", "c:-3|c", "d:5|c", "e:-0|c"], ["n_a 0", "n_b 0", "n_c 6", "n_e 0"]),
    "bounds are spelled as statsd_exporter spells them": (
        "mappings:\n- {match: a, name: t, observer_type: histogram, histogram_options: {buckets: [1.0e-5, 0.5, 1, 524288, 1000000, 2.5e6, 123456789]}}\n",
        ["a:3|h"], ['t_bucket{le="1e-05"} 0', 't_bucket{le="1"} 0', 't_bucket{le="524288"} 1', 't_bucket{le="1e+06"} 1', 't_bucket{le="2.5e+06"} 1',
                    't_bucket{le="1.23456789e+08"} 1']),
    "bounds are those of the first; the others' counts go to the next bound": (
        "defaults: {observer_type: histogram}\nmappings:\n- {match: a, name: t, histogram_options: {buckets: [1, 5, 10]}}\n"
        "- {match: b, name: t, histogram_options: {buckets: [2, 10, 20]}}\n",
        ["a:1|h", "b:2|h", "b:9|h", "b:15|h", "b:100|h"],
        ['t_bucket{le="1"} 1', 't_bucket{le="5"} 2', 't_bucket{le="10"} 3', 't_bucket{le="+Inf"} 5', "t_count 5", "t_sum 127"]),
    "an empty label is as good as none, and one series": (
        "mappings:\n- {match: 'a.*', name: n, labels: {x: $1, y: b}}\n- {match: b, name: n, labels: {y: b}}\n",
        ["a.:1|c", "b:2|c"], ['n{x="",y="b"} 3']),
    "a tag that escapes to the rule's label gives way": (
        "mappings:\n- {match: a, name: n, labels: {k_s: rule}}\n",
        ["a:1|c|#k.s:tag,k-s:tag2"], ['n{k_s="rule"} 1']),
    "with honor_labels the later tag wins over the rule": (
        "mappings:\n- {match: a, name: n, honor_labels: true, labels: {k_s: rule, z: rule}}\n",
        ["a:1|c|#k.s:tag,k-s:tag2"], ['n{k_s="tag2",z="rule"} 1']),
    "labels are escaped on the page, captures are verbatim": (
        "mappings:\n- {match: 'a.*', name: n, labels: {v: 'x\"$1\\'}}\n",
        ["a.b c:1|c"], ['n{v="x\\"b c\\\\"} 1']),
    "a set is of class gauge": (
        "mappings:\n- {match: a, name: n, match_metric_type: gauge, labels: {k: v}, scale: 10}\n- {match: a, name: other}\n",
        ["a:1|s", "a:2|s"], ['n{k="v"} 20']),
    "a name with a digit in front gets an underscore": (
        "mappings:\n- {match: 'a.*', name: '$1'}\n", ["a.9x:1|c"], ["_9x 1"]),
    "reserved names stay off the page, whoever makes them": (
        "mappings:\n- {match: a, name: up}\n- {match: b, name: b}\n", ["a:1|g", "b:1|c"], ["b 1"]),
}


@pytest.mark.parametrize("name", SHOWN)
def test_mapped_values(tmp_path, name):
    text, lines, want = SHOWN[name]
    shown = explain(tmp_path, text, *lines)["exposition"].split("\n")
    assert [w for w in want if w not in shown] == [], shown
    assert not any("inf" in l.lower().replace('le="+inf"', "") or "nan" in l.lower() for l in shown)


def test_suffixes_come_after_the_rule(tmp_path):
    got = run("explain", "--json", "--set", "prometheus.suffixes=on", "--set",
              setting(tmp_path, "mappings:\n- {match: a, name: n}\n- {match: b, name: m_total}\n"), stdin=b"a:1|c\nb:1|c\na:5|ms")
    lines = json.loads(got.stdout)["exposition"].split("\n")
    assert "n_total 1" in lines and "m_total 1" in lines and "n_seconds_count 1" in lines


def test_the_first_help_text_of_a_name_is_shown(tmp_path):
    rules = """mappings:
- {match: a, name: n}
- {match: b, name: n, help: "First \\\\ text"}
- {match: c, name: n, help: Another text}
"""
    with Server(setting(tmp_path, rules)) as s:
        s.send("a:1|c\nb:1|c\nc:1|c\nplain:1|c")
        s.wait_value("n", 3)
        page = s.page().decode()
        assert "# HELP n First \\\\ text\n" in page and "Another text" not in page
        assert "# HELP plain Metric received by statsd.\n" in page


def test_sinks_get_what_was_sent(tmp_path, redis):
    with Server(redis.url, setting(tmp_path, "mappings:\n- {match: a, name: n, scale: 1024}\n")) as s:
        s.send("a:3|c", "a:7|ms")
        s.wait_value("n", 3072)
    assert redis.total("c", "a") == 3
    assert redis.timer("a")[:2] == [1, 7]


def test_a_rules_ttl_is_its_series_ttl(tmp_path):
    with Server(setting(tmp_path, "mappings:\n- {match: short, name: short, ttl: 1s}\n"), interval="100ms") as s:
        s.send("short:1|c", "long:1|c")
        s.wait_value("short", 1)
        s.wait_self("statsd_series_expired_total", 1)
        page = s.scrape()
        assert page.value("short") is None and page.value("long") == 1


def test_a_regex_that_takes_too_long_matches_nothing_and_is_counted(tmp_path):
    text = 'mappings:\n- {match: "^(a+)+$", match_type: regex, name: slow}\n'
    with Server(setting(tmp_path, text)) as s:
        name = "a" * 40 + "b"
        s.send("%s:1|c" % name, "aaa:1|c")
        s.wait_value("slow", 1)
        s.wait_value(name, 1)
        assert s.scrape().sum("statsd_mapping_regex_limits_total") >= 1


# --- drops

DROPS = """mappings:
- {match: keep.*, name: keep}
- {match: "^empty[.](.*)", match_type: regex, name: "$1"}
- {match: "^none", match_type: regex, name: "$9"}
- {match: ".", match_type: regex, name: d, action: drop}
"""


@pytest.mark.parametrize("workers", [1, 3])
def test_every_sample_that_a_rule_drops_is_counted(tmp_path, workers):
    kinds = ["%d|c", "+%d|g", "%d|ms", "%d|s", "%d|h|@0.5", "%d:2:3|d"]
    with Server(setting(tmp_path, DROPS), "server.workers=%d" % workers, "limits.max_series=500") as s, s.sender() as c:
        for i in range(3000):
            kind = kinds[i % len(kinds)] % i
            c.send(("keep.x%d:1|c\nmany.%d:%s|#t:%d\nnone.%d:%s\nbad line" % (i % 10, i, kind, i, i % 5, kind)).encode())
            if i % 100 == 99:
                s.wait_self("statsd_datagrams_received_total", i + 1)
        page = s.wait_self("statsd_datagrams_received_total", 3000)
        assert metrics_balance(page) == page.sum("statsd_samples_read_total")
        assert page.value("statsd_samples_dropped_total", reason="rule") == 3000
        assert page.value("statsd_samples_dropped_total", reason="empty_name") == 3000
        assert page.value("keep") == 3000
        assert page.sum("statsd_samples_refused_total") == 0, "what is dropped takes no series' place"
        assert page.sum("statsd_series") == 10
