"""contrib/grafana and contrib/prometheus: their form, the names in them, and what a real Prometheus answers to every query."""
import itertools
import os
import random
import re
import subprocess
import sys

import pytest
import yaml

import harness
from harness import SLOW, TOP, wait_for

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import dashboards  # noqa: E402
from dashboards import NAMES, PROMETHEUS, Source, fill, load, metrics_of, panels, query_of, variables, without_fallback  # noqa: E402

# How it went with the readings of Redis: when one fails, only the server's own /metrics says so.
OF_READINGS = {"statsd_cluster_last_fill_timestamp_seconds", "statsd_cluster_last_fill_duration_seconds", "statsd_cluster_fillings_total"}
UNITS = {"none", "short", "cps", "reqps", "Bps", "bytes", "s", "percentunit"}
OF_PROMETHEUS = {"up", "scrape_duration_seconds"}
PLACES = {"job": "x", "instance": "x", "service": "x", "endpoint": "x", "cluster": "x", "requests": "http_requests", "duration": "http_request_duration",
          "gunicorn": "shop_gunicorn", "__rate_interval": "1m", "__interval": "1m", "__range": "1h"}
SUFFIXED = {"job": "statsd-histogram", "requests": "http_requests_total", "duration": "http_request_duration_seconds"}
plain = pytest.mark.plain


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def described():
    return {line.split()[0] for line in harness.run("describe", "metrics").stdout.decode().splitlines()[1:]}


def of_the_example():
    """Names that the Flask example shows on /metrics: those that app.py sends, and those of gunicorn in the README's table."""
    names = set(re.findall(r'"([a-z][a-z.]*):(?:1\||%\.)', read("contrib", "examples", "flask", "app.py")))
    assert names == {"http.requests", "http.request.duration", "orders.created"}, names
    names |= set(re.findall(r"`(shop_gunicorn_\w+)", read("contrib", "examples", "flask", "README.md")))
    names = {n.replace(".", "_") for n in names}
    timers = {n + unit for n in names if "duration" in n for unit in ("", "_seconds")}
    return names | {n + "_total" for n in names} | {n + end for n in timers for end in ("_sum", "_count", "_bucket")}


def rules(file):
    return [r for g in yaml.safe_load(read("contrib", "prometheus", file))["groups"] for r in g["rules"]]


def exprs(dashboard):
    return [(p["title"], t["expr"]) for p in panels(dashboard) for t in p["targets"]]


@plain
def test_the_dashboards_are_those_that_their_script_makes():
    got = subprocess.run([os.path.join(dashboards.GRAFANA, "dashboards.py"), "--check"], capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr + "\nremedy: contrib/grafana/dashboards.py"


@plain
def test_every_dashboard_has_a_uid_of_its_own():
    uids = [load(name)["uid"] for name in NAMES]
    assert len(NAMES) == 3 and len(set(uids)) == 3 and all(re.fullmatch(r"[a-z-]{1,40}", u) for u in uids)


def faults_of_form(d):
    """What Grafana would stumble over, or a reader."""
    found = ["no " + key for key in ("__inputs", "uid", "title", "schemaVersion", "time", "templating", "panels") if key not in d]
    found += ["inputs"] * ([i["name"] for i in d["__inputs"]] != ["DS_PROMETHEUS"]) + ["id"] * (d["id"] is not None)
    ids = [p["id"] for p in d["panels"]]
    found += ["ids twice"] * (len(set(ids)) != len(ids))
    taken = {}
    for p in d["panels"]:
        at = p["gridPos"]
        if not all(isinstance(at[k], int) for k in "xywh") or at["x"] < 0 or at["w"] < 1 or at["h"] < 1 or at["x"] + at["w"] > 24:
            found.append("%s: outside of the grid" % p["title"])
        for cell in itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])):
            if taken.setdefault(cell, p["title"]) != p["title"]:
                found.append("%s over %s" % (p["title"], taken[cell]))
                break
    for p in panels(d):
        told = p.get("description", "")
        found += ["%s: type %s" % (p["title"], p["type"])] * (p["type"] not in ("timeseries", "stat"))
        found += ["%s: unit %s" % (p["title"], p["fieldConfig"]["defaults"]["unit"])] * (p["fieldConfig"]["defaults"]["unit"] not in UNITS)
        found += ["%s: does not say what is normal" % p["title"]] * ("Normal:" not in told or len(told) < 40)
        found += ["%s: refId" % p["title"]] * (len({t["refId"] for t in p["targets"]}) != len(p["targets"]) or not p["targets"])
        for part in [p, *p["targets"]]:
            found += ["%s: data source" % p["title"]] * (part["datasource"] != {"type": "prometheus", "uid": "${DS_PROMETHEUS}"})
    titles = [p["title"] for p in panels(d)]
    return found + ["title twice: " + t for t in set(titles) if titles.count(t) > 1]


@plain
@pytest.mark.parametrize("name", NAMES)
def test_the_form_of_a_dashboard_is_right(name):
    assert faults_of_form(load(name)) == []


@plain
@pytest.mark.parametrize("change, said", [
    (lambda d: d["panels"][1]["gridPos"].update(x=22), "outside of the grid"),
    (lambda d: d["panels"][2]["gridPos"].update(x=d["panels"][1]["gridPos"]["x"]), " over "),
    (lambda d: d["panels"][1].update(id=d["panels"][2]["id"]), "ids twice"),
    (lambda d: d["panels"][1].pop("description"), "normal"),
    (lambda d: d["panels"][1]["fieldConfig"]["defaults"].update(unit="parsecs"), "unit parsecs"),
    (lambda d: d["panels"][1]["targets"][0].update(datasource={"uid": "mine"}), "data source"),
])
def test_a_fault_of_form_is_found(change, said):
    d = load(NAMES[0])
    change(d)
    assert [f for f in faults_of_form(d) if said in f]


@plain
@pytest.mark.parametrize("name", NAMES)
def test_every_metric_that_a_dashboard_asks_for_is_there(name):
    known, example, d = described() | OF_PROMETHEUS, of_the_example(), load(name)
    asked = [(v["name"], query_of(v, PLACES)[1]) for v in variables(d) if v["type"] == "query"]
    for title, expr in exprs(d) + asked:
        expr = fill(expr, PLACES)
        assert "$" not in expr, (title, expr)
        names, regexes = metrics_of(expr)
        assert names | regexes, (title, expr)
        assert names - known - example == set(), title
        for regex in regexes:
            assert [n for n in example if re.fullmatch(regex, n)], (title, regex)


@plain
def test_the_page_of_the_fleet_is_asked_only_for_what_it_has():
    for title, expr in exprs(load("redis-fleet.json")):
        names, _ = metrics_of(fill(expr, PLACES))
        if "$cluster" in expr:
            assert all(n.startswith("statsd_cluster_") or n == "http_requests" for n in names - OF_READINGS), title
            assert not names & OF_READINGS, "%s: the page is not there when a reading fails" % title
        else:
            assert not any(n.startswith("statsd_cluster_") for n in names - OF_READINGS), title
    assert OF_READINGS == {n for _, expr in exprs(load("redis-fleet.json")) for n in metrics_of(fill(expr, PLACES))[0] if "_fill" in n}


@plain
@pytest.mark.parametrize("name", NAMES)
def test_a_number_of_the_time_shown_is_asked_once_and_drawn_without_a_line(name):
    for p in panels(load(name)):
        graph = p["options"].get("graphMode")
        for t in p["targets"]:
            once = "$__range" in t["expr"]
            assert (t["instant"], t["range"]) == (once, not once), p["title"]
            assert graph == (None if p["type"] != "stat" else "none" if once else "area"), p["title"]


@plain
def test_some_numbers_are_of_the_time_shown():
    assert [p["title"] for name in NAMES for p in panels(load(name)) for t in p["targets"] if t["instant"]] == [
        "Dropped from the spool", "Lost by Redis", "Names used twice", "Lost in the kernel"]


@plain
def test_a_rate_of_the_fleets_page_reaches_over_scrapes_that_are_a_minute_apart():
    """$__rate_interval is four times the least step."""
    asked = [t for p in panels(load("redis-fleet.json")) for t in p["targets"] if "$cluster" in t["expr"] and "rate(" in t["expr"]]
    assert asked and {t.get("interval") for t in asked} == {"1m"}


@plain
def test_the_flask_dashboard_takes_a_scrape_interval_and_else_that_of_the_data_source():
    d = load("red-flask.json")
    assert {t.get("interval") for p in panels(d) for t in p["targets"]} == {"$step"}
    assert [(v["type"], v["query"]) for v in variables(d) if v["name"] == "step"] == [("textbox", "")]


@plain
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_divided_by_what_may_be_0(name):
    """A mean of no requests would be 0 s, or not a number."""
    for title, expr in exprs(load(name)):
        if " / " in expr and "statsd_series_limit" not in expr:
            assert " > 0)" in expr.split(" / ", 1)[1] and "clamp" not in expr, title


@plain
@pytest.mark.parametrize("expr, names", [
    ("sum by (a_b) (rate(x_total{job=~\"y\"}[5m])) / on (job) z:w > 1e9", {"x_total", "z:w"}),
    ("histogram_quantile(0.9, sum by (le) (rate(d_bucket[1m]))) or max(d{quantile=\"0.9\"})", {"d_bucket", "d"}),
    ("time() - t_seconds or vector(0)", {"t_seconds"}),
])
def test_the_names_in_an_expression_are_found(expr, names):
    assert metrics_of(expr) == (names, set())


@plain
def test_promtool_finds_the_rules_right():
    got = subprocess.run(["promtool", "check", "rules", "recording.yml", "alerts.yml"], cwd=PROMETHEUS, capture_output=True, text=True)
    assert got.returncode == 0, got.stdout + got.stderr


@plain
def test_each_alert_fires_when_it_should_and_not_else():
    files = ["alerts_test.yml", "alerts_week_test.yml"]
    got = subprocess.run(["promtool", "test", "rules", *files], cwd=PROMETHEUS, capture_output=True, text=True)
    assert got.returncode == 0, got.stdout[-3000:] + got.stderr
    tests = yaml.safe_load(read("contrib", "prometheus", files[0]))["tests"]
    for wanted in (True, False):
        assert {a["alertname"] for t in tests for a in t.get("alert_rule_test", []) if bool(a["exp_alerts"]) == wanted} \
            == {r["alert"] for r in rules("alerts.yml")}


@plain
def test_every_alert_says_how_bad_it_is_what_and_where_to_read_on():
    for r in rules("alerts.yml"):
        assert r["labels"]["severity"] in ("critical", "warning", "info"), r["alert"]
        assert "$value" in r["annotations"]["description"] and r["annotations"]["summary"], r["alert"]
        assert r["annotations"]["runbook_url"] == "docs/runbook.md#" + r["alert"].lower()


@plain
def test_every_metric_of_the_rules_is_there():
    known = described() | OF_PROMETHEUS | {r["record"] for r in rules("recording.yml")}
    for r in rules("alerts.yml") + rules("recording.yml"):
        names, regexes = metrics_of(r["expr"])
        assert names and names <= known and not regexes, (r, names - known)


@plain
def test_every_alert_has_its_section_of_the_runbook_and_every_section_its_alert():
    page = read("docs", "runbook.md")
    sections = re.findall(r"^### (Statsd\w+)\n(.*?)(?=^##|\Z)", page, flags=re.M | re.S)
    assert [name for name, _ in sections] == [r["alert"] for r in rules("alerts.yml")]
    for name, text in sections:
        assert [part for part in ("**Means.**", "**Look at.**", "**Turn.**") if part not in text] == [], name
    assert [a for a in re.findall(r"\bStatsd[A-Z]\w+", page) if a not in dict(sections)] == []


@plain
def test_the_runbook_names_the_options_that_change_without_a_restart():
    page = read("docs", "runbook.md")
    (told,) = re.findall(r"these change on a reload: (.*?)\. After a reload", page, flags=re.S)
    rows = [line.split("|") for line in harness.run("describe", "options", "--markdown").stdout.decode().splitlines()]
    reload = {row[1].strip(" `") for row in rows if len(row) > 2 and "Changes on reload" in row[-2]}
    assert set(re.findall(r"`([a-z]+\.\w+)`", told)) == {o for o in re.findall(r"`([a-z]+\.\w+)", page) if o in reload} != set()


@plain
@pytest.mark.parametrize("name", NAMES)
def test_the_alerts_that_a_dashboard_names_are_there(name):
    alerts = {r["alert"] for r in rules("alerts.yml")}
    assert set(re.findall(r"\bStatsd[A-Z]\w+", " ".join(p["description"] for p in panels(load(name))))) <= alerts


@plain
def test_every_dashboard_and_its_picture_are_on_the_page_of_dashboards():
    page = read("docs", "dashboards.md")
    assert "%d alerts" % len(rules("alerts.yml")) in page
    for name in NAMES:
        picture = "images/dashboard-%s.png" % name[:-len(".json")]
        assert name in page and picture in page
        assert 10_000 < os.path.getsize(os.path.join(TOP, "docs", picture)) < 200_000
        for row in [p["title"] for p in load(name)["panels"] if p["type"] == "row"]:
            assert "**%s**" % row in page, (name, row)

@plain
def test_the_lines_of_a_request_are_those_that_the_example_sends(monkeypatch):
    pytest.importorskip("flask", reason="no python3-flask")
    import dashboard_rig
    monkeypatch.syspath_prepend(os.path.join(TOP, "contrib", "examples", "flask"))
    monkeypatch.delitem(sys.modules, "app", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import app
    sent = []
    monkeypatch.setattr(app, "send", lambda *lines: sent.extend(lines))
    paths = {"index": "/", "order": "/orders/1", "order_new": "/orders", "slow": "/slow", "broken": "/broken", "none": "/favicon.ico"}
    client = app.app.test_client()
    for endpoint, method, status, *_ in dashboard_rig.REQUESTS:
        assert client.open(paths[endpoint], method=method).status_code == status
    dice = random.Random(2)
    ours = {line for _ in range(1000) for line in dashboard_rig.flask_request(dice) if "gunicorn" not in line}

    def without_times(lines):
        return {re.sub(r":[\d.]+\|ms", ":T|ms", line) for line in lines}
    assert without_times(sent) == without_times(ours)


# --- with a real Prometheus


@pytest.fixture(scope="module")
def source():
    from dashboard_rig import rig
    with harness.short_dir() as dir, rig(dir) as prometheus:
        asked = Source(prometheus.address)
        asked.first = prometheus.first
        # rate() wants two scrapes within its four seconds, of all jobs; and some of them since the load began.
        wait_for(lambda: [v for _, v in asked.now("min(count_over_time(up[1m]))") if v >= 4], "four scrapes of each", 30 * SLOW, every=0.2)
        wait_for(lambda: asked.now("job_instance:statsd_samples_read:rate5m"), "rules to be evaluated", 30 * SLOW, every=0.2)
        yield asked


@pytest.mark.prometheus
@pytest.mark.parametrize("name, first", [(name, {"job": "statsd"} if name == "red-flask.json" else {}) for name in NAMES]
                         + [("red-flask.json", SUFFIXED), ("red-flask.json", {"job": "statsd-cluster"})])
def test_every_query_of_a_dashboard_is_answered_with_data(source, name, first):
    d = load(name)
    values, empty = source.filled(d, first), []
    for title, expr in exprs(d):
        expr = fill(expr, values)
        assert "$" not in expr, (title, expr)
        source.over(expr, 3, "1s")
        assert "vector(" not in without_fallback(expr)
        # Not a number: a quantile of nothing.
        if not any(v == v for _, points in source.over(without_fallback(expr), 3, "1s") for _, v in points):
            empty.append((title, expr))
    assert empty == []


def targets(dashboard, title):
    """{legend: expression} of a panel."""
    return {t["legendFormat"]: t["expr"] for p in panels(load(dashboard)) if p["title"] == title for t in p["targets"]}


@pytest.mark.prometheus
def test_all_servers_are_those_of_statsd_and_not_every_target(source):
    servers, everything = 3, source.now("count(up)")[0][1]
    values = source.filled(load("statsd-server.json"))
    (expr,) = targets("statsd-server.json", "Servers up").values()
    assert everything == servers + 2                        # the fleet's page, and the Prometheus itself
    assert [v for _, v in source.now(fill(expr, values))] == [servers]


@pytest.mark.prometheus
def test_gunicorn_of_two_applications_with_the_same_tags_is_told_apart(source):
    d = load("red-flask.json")
    values = source.filled(d, {"job": "statsd"}, rate_interval="15s")
    (prefix,) = [v for v in variables(d) if v["name"] == "gunicorn"]
    assert source.choices(prefix, values) == ["shop_gunicorn", "warehouse_gunicorn"]
    expr = targets("red-flask.json", "Requests that gunicorn counted")["gunicorn"]
    shop, warehouse = [source.now(fill(expr, {**values, "gunicorn": name}))[0][1] for name in ("shop_gunicorn", "warehouse_gunicorn")]
    assert 0 < 2 * warehouse < shop


@pytest.mark.prometheus
def test_a_mean_of_no_requests_is_a_gap(source):
    values = source.filled(load("red-flask.json"), {"job": "statsd"})
    asked = [(title, legend, expr) for title in ("Mean, by endpoint", "Mean duration that gunicorn saw")
             for legend, expr in targets("red-flask.json", title).items()]
    assert len(asked) == 3
    for title, legend, expr in asked:
        assert source.now(fill(expr, values)), (title, legend)
        # As if nobody had sent requests: the same series, with rates of 0.
        assert source.now(fill(expr, values).replace("rate(", "0 * rate(")) == [], (title, legend)


@pytest.mark.prometheus
def test_the_fleet_has_as_many_requests_as_its_servers_together(source):
    """Nothing is counted twice, as it would be with the fleet's own page, or the server that is mirrored to, among the servers."""
    d = load("redis-fleet.json")
    values = source.filled(d, span="30s")
    lines = targets("redis-fleet.json", "Requests of the fleet")

    def alike():
        # Over more than an interval, for one is ahead of the other by about that.
        rates = [source.now(fill(expr, {**values, "__rate_interval": "15s"}))[0][1] for expr in lines.values()]
        return rates if min(rates) > 0 and max(rates) < 1.5 * min(rates) else None
    assert set(lines) == {"fleet's page", "sum of all servers"}
    wait_for(alike, "the two lines to agree", 40 * SLOW, every=1)


@pytest.fixture(scope="module")
def away():
    """A Source whose Prometheus scrapes a server and its fleet's page as the jobs web and all; Redis has gone.  `before` is of_readings before."""
    from dashboard_rig import Jobs
    with harness.short_dir() as dir, harness.Redis(dir) as redis, harness.Server(redis.url, interval="1s") as server:
        server.send("http.requests:1|c")
        wait_for(lambda: server.get("/cluster/metrics")[0] == 200, "the fleet's page", 20 * SLOW, every=0.1)
        with Jobs(dir, {"web": ("/metrics", [server.http_addr()]), "all": ("/cluster/metrics", [server.http_addr()])}) as prometheus:
            asked = Source(prometheus.address)
            asked.before = wait_for(lambda: of_readings(asked), "readings", 30 * SLOW, every=0.2)
            redis.stop()
            wait_for(lambda: asked.now('up{job="all"} == 0'), "the page to be refused", 30 * SLOW, every=0.2)
            yield asked


def of_readings(source):
    """(age of the page, {result: readings per second}) as the two panels show it, None while they are empty."""
    d, shown = load("redis-fleet.json"), []
    for title in ("Age of the page", "Readings, by result"):
        (expr,) = targets("redis-fleet.json", title).values()
        shown.append({labels.get("result"): v for labels, v in source.now(fill(expr, source.filled(d)))})
    return (shown[0][None], shown[1]) if all(shown) else None


@pytest.mark.prometheus
def test_that_readings_of_redis_fail_is_seen_on_the_dashboard_of_the_fleet(away):
    def climbed():
        age, results = of_readings(away)
        return results if age > away.before[0] + 6 else None
    assert away.before[1]["ok"] > 0 and away.before[1]["away"] == 0
    results = wait_for(climbed, "the age of the page to climb", 40 * SLOW, every=0.5)
    assert results["ok"] == 0 and results["away"] > 0


@pytest.mark.prometheus
def test_the_job_of_the_fleets_page_is_offered_whatever_its_name_and_also_while_redis_is_away(away):
    d = load("redis-fleet.json")
    values = away.filled(d)
    (cluster,) = [v for v in variables(d) if v["name"] == "cluster"]
    assert away.choices(cluster, values) == ["all"] and values["job"] == "web"
    assert [v for _, v in away.now('up{job="all"}')] == [0]


def sides(expr):
    """What an alert compares, without the comparison: that has a value also while all is well."""
    depth, parts, begin = 0, [], 0
    for m in re.finditer(r"[()]|\s(?:and|or)\s", expr):
        if m.group() in "()":
            depth += 1 if m.group() == "(" else -1
        elif depth == 0:
            parts.append(expr[begin:m.start()])
            begin = m.end()
    parts = [p.strip() for p in parts + [expr[begin:]]]
    return [re.sub(r"^absent\((.*)\)$", r"\1", re.sub(r"\s*(?:==|!=|<|>)\s*[-0-9.e* ]+$", "", p)) for p in parts]


@plain
@pytest.mark.parametrize("expr, parts", [
    ("up == 0", ["up"]), ("absent(up)", ["up"]), ("(a or b) - time() < 14 * 86400", ["(a or b) - time()"]),
    ("sum by (x) (a) > 0\nor sum(b) != 1", ["sum by (x) (a)", "sum(b)"]),
])
def test_the_sides_of_an_alert_are_what_it_compares(expr, parts):
    assert sides(expr) == parts


@pytest.mark.prometheus
def test_every_rule_is_evaluated_and_has_something_to_look_at(source):
    def evaluated():
        held = [r for g in source.get("rules")["groups"] for r in g["rules"]]
        return held if all(r["health"] != "unknown" for r in held) else None
    held = wait_for(evaluated, "each rule to be evaluated", 30 * SLOW, every=0.2)
    assert [(r["name"], r.get("lastError")) for r in held if r["health"] != "ok"] == []
    assert len(held) == len(rules("alerts.yml")) + len(rules("recording.yml"))
    silent = [r["record"] for r in rules("recording.yml") if not source.now(r["record"])]
    silent += [(r["alert"], side) for r in rules("alerts.yml") for side in sides(r["expr"].strip()) if not source.now(side)]
    assert silent == []


@pytest.mark.prometheus
def test_nothing_that_was_read_is_unaccounted_for_in_any_scrape(source):
    assert {v for _, points in source.over("job_instance:statsd_samples_unaccounted:difference", 6, "1s") for _, v in points} == {0}


@pytest.mark.prometheus
def test_what_a_limit_on_one_name_refuses_is_in_no_scrape_refused_by_the_server(source):
    refused = 'sum(statsd_samples_refused_total{job="statsd"})'
    wait_for(lambda: source.now(refused)[0][1] > 0, "a sample to be refused", 30 * SLOW, every=0.2)
    assert {v for _, points in source.over("job_instance:statsd_samples_refused_by_server:difference", 6, "1s") for _, v in points} == {0}


def transcripts(page):
    """(command, first line shown) of the indented blocks."""
    return re.findall(r"^    \$ (.*)\n    (.*)\n", page, flags=re.M)


def shape(line):
    """What of a line is the same in every run: the keys of JSON, else its first word, but for a number."""
    return sorted(re.findall(r'"(\w+)":', line))[:1] if line.startswith("{") else re.split(r"[\s{]", line.lstrip(" 0123456789"))[0]


@pytest.mark.prometheus
@pytest.mark.parametrize("command, shown", transcripts(read("docs", "runbook.md")))
def test_a_command_of_the_runbook_prints_such_lines(source, command, shown):
    address = source.first.http_addr()
    mine = re.sub(r"(^|\| )statsd ", lambda m: m.group(1) + harness.STATSD + " ", command.replace("127.0.0.1:9102", address))
    got = subprocess.run(["bash", "-c", mine], capture_output=True, text=True, timeout=60 * SLOW,
                         env={**harness.clean_env(), "STATSD_URL": "http://" + address})
    assert got.returncode == 0 and got.stderr == "", got
    assert shape(got.stdout.splitlines()[0]) == shape(shown), got.stdout
