"""The dashboards and rules of contrib/ as tests and pictures see them: panels, variables filled in, and what a Prometheus answers."""
import glob
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
GRAFANA = os.path.join(TOP, "contrib", "grafana")
PROMETHEUS = os.path.join(TOP, "contrib", "prometheus")
NAMES = sorted(os.path.basename(p) for p in glob.glob(os.path.join(GRAFANA, "*.json")))
WORDS = {"by", "on", "ignoring", "group_left", "group_right", "without", "and", "or", "unless", "bool", "offset", "inf", "nan"}


def load(name):
    with open(os.path.join(GRAFANA, name), encoding="utf-8") as f:
        return json.load(f)


def panels(dashboard):
    """Those that ask for something, not the rows."""
    return [p for p in dashboard["panels"] if p["type"] != "row"]


def variables(dashboard):
    return dashboard["templating"]["list"]


def fill(text, values):
    """Variables, as Grafana writes them, by their values; a name that has none stays."""
    def value(m):
        name = m.group(1) or m.group(2)
        return values.get(name, m.group())
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", value, text)


def query_of(variable, values):
    """(function, expression, label) of a variable whose list Prometheus makes; query_result has no label."""
    asked = re.fullmatch(r"(?:(label_values)\((.*), *(\w+)\)|(query_result)\((.*)\))", fill(variable["query"]["query"], values))
    assert asked, variable["query"]
    return tuple(asked.group(1, 2, 3)) if asked.group(1) else (asked.group(4), asked.group(5), None)


def without_fallback(expr):
    """An expression without the line at 0 that stands in for what is not there."""
    return re.sub(r' or on\(\) (?:vector\([-0-9]+\)|label_replace\(vector\(0\)(?:, "[^"]*"){4}\))', "", expr)


def metrics_of(expr):
    """(names, regexes of names) in an expression whose variables are filled in."""
    regexes = re.findall(r'__name__=~"([^"]*)"', expr)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right) *\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)(?! *\()(?![\w:])", bare)
    return {n for n in names if n.lower() not in WORDS and not re.fullmatch(r"e\d+", n)}, set(regexes)


class Source:
    """What a Prometheus at an address (host:port) answers; a warning is an error here."""

    def __init__(self, address):
        self.address = address

    def get(self, path, **arguments):
        url = "http://%s/api/v1/%s?%s" % (self.address, path, urllib.parse.urlencode(arguments))
        try:
            with urllib.request.urlopen(url, timeout=30) as r:
                answer = json.load(r)
        except urllib.error.HTTPError as e:
            raise AssertionError("%s %r: %d %s" % (path, arguments, e.code, e.read().decode()[:300]))
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        return answer["data"]

    def now(self, expr):
        """[(labels, value)]"""
        return [(m["metric"], float(m["value"][1])) for m in self.get("query", query=expr)["result"]]

    def over(self, expr, seconds, step, end=None):
        """[(labels, [(time, value)])] of the last seconds."""
        end = end or time.time()
        got = self.get("query_range", query=expr, start="%.3f" % (end - seconds), end="%.3f" % end, step=step)
        return [(m["metric"], [(t, float(v)) for t, v in m["values"]]) for m in got["result"]]

    def choices(self, variable, values):
        """What the list of a variable offers."""
        if variable["type"] == "textbox":
            return [values.get(variable["name"], variable["query"])]
        function, expr, label = query_of(variable, values)
        assert "$" not in expr, variable["query"]
        if function == "label_values":
            found = self.get("label/%s/values" % label, **{"match[]": expr})
        else:
            # One line each, as Grafana writes it, for the regex to take a part of.
            found = ["{%s} %g" % (",".join('%s="%s"' % kv for kv in labels.items()), value) for labels, value in self.now(expr)]
        pattern = variable["regex"].strip("/")
        if not pattern:
            return found
        return sorted({m.group(m.re.groups and 1) for m in (re.search(pattern, v) for v in found) if m})

    def filled(self, dashboard, first={}, rate_interval="4s", span="60s"):
        """Values of all variables of a dashboard: `first`, else the first that is offered, or All where several may be."""
        values = {"__rate_interval": rate_interval, "__interval": "1s", "__range": span, **first}
        for v in variables(dashboard):
            found = self.choices(v, values)
            assert found, "nothing to choose from for %s" % v["name"]
            if v["name"] not in values:
                # In the quotes of PromQL a backslash is two.
                listed = "|".join(re.escape(f).replace("\\", "\\\\") for f in found)
                values[v["name"]] = (v["allValue"] or listed) if v.get("includeAll") else found[0]
        return values


def legend(target, labels):
    """The name of a line: its labels in the format of the target, or all of them."""
    if target["legendFormat"]:
        return re.sub(r"\{\{ *(\w+) *\}\}", lambda m: labels.get(m.group(1), ""), target["legendFormat"]).strip()
    return ", ".join("%s=%s" % kv for kv in sorted(labels.items()))
