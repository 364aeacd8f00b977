"""Mapping files and lines drawn from a seed, made so that rules, names and types meet often.

Left out is what docs/migrating.md lists as different: test_statsd_exporter.py pins each of those by itself.  So: no rule that is
the beginning of an earlier one, no match twice for one class, no `$1$2`, no `%` and no label key of one letter; sampled timers
with rates whose reciprocal is a whole number; no tag of a reserved key; one help text and one set of options for each name; no
timer whose name ends as another's sum or count does; no counter that begins with a decrement.
"""
import random

import yaml

WORDS = ["a", "b", "app", "db", "x-y", "x--y", "count", "sum", "9lives", "größe", "😀", "Ab_c", "sp ace", "", "total"]
PLAIN = ["a", "b", "app", "db", "x-y", "x--y", "count", "sum", "9lives", "Ab_c", "total"]   # what a glob may hold
KEYS = ["k", "site", "k.s", "k-s", "größe", "9k", "Site"]
VALUES = ["one", "two", "a:b", "ü", 'q"q', "back\\slash", "sp ace", "100", "true"]
LABELS = ["site", "k_s", "rule", "Site", "part"]
CLASSES = ["counter", "gauge", "observer"]
BUCKETS = [[0.01, 0.1, 1], [1], [0.5, 5, 50, 500], [-1, 0, 1e3], [1e-5, 524288, 1e6, 1.5e6, 123456789]]
QUANTILES = [[(0.5, 0.05), (0.9, 0.01)], [(0.25, 0.01), (0.75, 0.01)], [(0.99, 0.001)]]
# Two rules for no name that comes: without ordering there, such a pair turns on that a search goes back from a dead end.
GO_BACK = [{"match": "go.*.back.from.dead.ends", "name": "go"}, {"match": "go.on.x.x.x.x", "name": "go"}]
END = "the.end.of.it"           # a rule of its own, so that nothing can drop it
END_NAME = "the_end_of_it"


class Rules:
    """mapping: the text of the file."""

    def __init__(self, seed):
        self.random = random.Random("rules %d" % seed)
        self.options, self.globs = {}, []
        r = self.random
        defaults, rules = {}, []
        if r.random() < 0.4:
            defaults["glob_disable_ordering"] = r.random() < 0.8
            rules += GO_BACK
        self.observer = r.choice([None, "summary", "histogram"])
        if self.observer:
            defaults["observer_type"] = self.observer
        if r.random() < 0.3:
            defaults["histogram_options"] = {"buckets": r.choice(BUCKETS)}
        if r.random() < 0.3:
            defaults["summary_options"] = {"quantiles": objectives(r.choice(QUANTILES))}
        if r.random() < 0.3:
            defaults["ttl"] = "1h"
        for _ in range(r.choice([1, 5, 20, 60])):
            rule = self.regex() if r.random() < 0.25 else self.glob()
            if rule:
                rules.append(self.dress(rule))
        if r.random() < 0.15:
            rules.append({"match": ".", "match_type": "regex", "name": "rest", "action": "drop"})
        r.shuffle(rules)
        rules = self.without_beginnings([{"match": END, "name": END_NAME}] + rules)
        self.mapping = yaml.safe_dump({"defaults": defaults, "mappings": rules}, allow_unicode=True, sort_keys=False)

    def glob(self):
        r = self.random
        parts = [r.choice(PLAIN) if r.random() < 0.6 else "*" for _ in range(r.choice([1, 2, 2, 3, 3, 4]))]
        if parts[0][0] == "9":
            parts[0] = "*"
        return {"match": ".".join(parts)}

    def regex(self):
        r = self.random
        match = r.choice([r"^(\w+)\.(\w+)$", r"\.count$", r"^a\.(.*)$", r"(?i)^APP\.([^.]*)", r"(db|b)\.(x-+y|sum)", r"^(?:[^.]*\.){3}",
                          r"([ü-ÿß]+)", r"--", r"^(a|app)(\..*)?\.total$", r"[0-9]+(?P<who>[a-z]+)"])
        return {"match": match, "match_type": "regex"}

    def dress(self, rule):
        r = self.random
        stars = rule["match"].count("*") if "match_type" not in rule else 2
        rule["name"] = r.choice(["one", "two", "three_total", "n%d" % r.randrange(20)])
        if r.random() < 0.3 and stars:
            rule["name"] += "_${1}_x"
        if r.random() < 0.2:
            rule["match_metric_type"] = r.choice(CLASSES)
        elif r.random() < 0.1:
            rule.update(name=r.choice(["one_sum", "two_count"]), match_metric_type=r.choice(CLASSES[:2]))
        if r.random() < 0.1:
            rule["action"] = "drop"
        labels = {}
        for key in r.sample(LABELS, r.choice([0, 0, 1, 2])):
            labels[key] = r.choice(["fixed", "$1" if stars else "none", "${1}-x" if stars else "x", "$0", "$9", "ünï", "1"])
        if labels:
            rule["labels"] = labels
            if r.random() < 0.4:
                rule["honor_labels"] = True
        if r.random() < 0.2:
            rule["scale"] = r.choice([0.001, 10, 0, -1, 0.1])
        if rule.get("scale") == -1 and rule.get("match_metric_type", "counter") == "counter":
            # Such a counter begins with a decrement, so nothing else may have its name.
            rule.update(name="down_%d" % r.randrange(20), match_metric_type="counter")
        if r.random() < 0.1:
            rule["ttl"] = r.choice(["1h", "1h30m", "90m"])
        if r.random() < 0.1 and "$" in rule["name"]:
            rule["honor_labels"] = r.random() < 0.5
        rule.update(self.options_of(rule["name"]))
        return rule

    def options_of(self, name):
        """Help and options hang on the name: two under one name are a matter of their own."""
        if name not in self.options:
            r = self.random
            o = {}
            if "$" not in name and r.random() < 0.4:
                o["help"] = r.choice(["Some text", "Back\\slash", "two\nlines", "ünï"])
            if r.random() < 0.5:
                o["observer_type"] = r.choice(["summary", "histogram"])
            kind = o.get("observer_type", self.observer)
            if kind == "histogram" and r.random() < 0.6:
                o["histogram_options"] = {"buckets": r.choice(BUCKETS)}
            if kind == "summary" and r.random() < 0.6:
                o["summary_options"] = {"quantiles": objectives(r.choice(QUANTILES)), "max_age": "20m"}
            self.options[name] = o
        return dict(self.options[name])

    def without_beginnings(self, rules):
        kept, seen = [], set()
        for rule in rules:
            if "match_type" not in rule:
                parts = rule["match"].split(".")
                classes = [rule["match_metric_type"]] if "match_metric_type" in rule else CLASSES
                if any((tuple(parts), c) in seen for c in classes):
                    continue
                seen |= {(tuple(parts[:n]), c) for n in range(1, len(parts) + 1) for c in classes}
            kept.append(rule)
        return kept


def objectives(pairs):
    return [{"quantile": q, "error": e} for q, e in pairs]


class Lines:
    """Lines without end; most names are few, so that series have many samples, and some are rare."""

    def __init__(self, seed):
        self.random = r = random.Random("lines %d" % seed)
        self.names = [self.name() for _ in range(200)]
        # What a name is mostly; any other type comes now and then, and then the first one counts.
        self.kinds = [r.choice(self.kinds_of(name)) for name in self.names]
        self.counted = set()
        self.tag_sets = [""] * 5 + [self.tags() for _ in range(10)]

    def kinds_of(self, name):
        return ["c", "g"] if name.endswith(("sum", "count")) else ["c", "g", "ms", "h", "d"]

    def name(self):
        r = self.random
        return ".".join(r.choice(WORDS) for _ in range(r.choice([1, 2, 2, 3, 3, 4]))) or "a"

    def number(self):
        r = self.random
        return r.choice([str(r.randrange(10)), str(r.randrange(100000)), "%.3f" % r.uniform(0, 10), "%.6g" % r.lognormvariate(0, 3), "1e-3", "0"])

    def tags(self):
        r = self.random
        n = r.choice([1, 1, 2, 3])
        return ",".join("%s:%s" % (r.choice(KEYS), r.choice(VALUES)) for _ in range(n))

    def line(self):
        r = self.random
        i = min(int(r.expovariate(1 / 40)), len(self.names) - 1)
        name, kind = self.names[i], self.kinds[i]
        if r.random() < 0.005:
            kind = r.choice(self.kinds_of(name))
        value = self.number()
        if kind == "g" and r.random() < 0.3 or kind == "c" and i in self.counted and r.random() < 0.02:
            value = r.choice("+-") + value
        if kind == "c":
            self.counted.add(i)
        if kind in ("h", "d") and r.random() < 0.1:
            value = "-" + value
        if kind in ("ms", "h", "d") and r.random() < 0.1:
            value += ":" + self.number()
        tags = r.choice(self.tag_sets)
        style = r.random()
        if tags and style < 0.05:
            name += r.choice("#,") + tags.replace(":", "=")     # librato, influx
            tags = ""
        elif tags and style < 0.07:
            name = "%s[%s]" % (name, tags.replace(":", "="))    # signalfx
            tags = ""
        fields = [value, kind]
        if r.random() < 0.1:
            fields.append("@" + r.choice(["0.5", "0.25", "0.1", "1", "1.0", "5e-1", "0"]))
        if tags:
            fields.insert(r.choice([2, len(fields)]), "#" + tags)
        if tags and r.random() < 0.02:
            fields.append("c:" + r.choice(["abc", "def"]))
        if r.random() < 0.02:
            fields.append("T1656581400")
        line = "%s:%s" % (name, "|".join(fields))
        if not tags and len(fields) == 2 and ":" not in value and r.random() < 0.03:
            line += ":%s|%s" % (self.number(), kind)
        return line if r.random() < 0.998 else r.choice(BROKEN)


# Both refuse these, whole.
BROKEN = ["", "no colon", "a:1", "a:|c", "a:x|c", "a:1|q", ":1|c", "a:1|c:2|c|#k:v", "a:1|"]
