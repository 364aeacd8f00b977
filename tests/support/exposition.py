"""A strict reader of the Prometheus text format 0.0.4: whatever is not exactly right raises Malformed.

Stricter than Prometheus itself, which takes interleaved families, duplicates and broken histograms without a word:

  * valid UTF-8, LF only, the last line ended, no blank line, no comment but HELP and TYPE
  * every family: HELP, TYPE, then all its samples (there may be none), once; no sample without a TYPE
  * names and labels of the classic alphabet, no label twice, none beginning with __, no empty value, escapes \\ \" \n only
  * no series twice; no timestamp; values as Go's ParseFloat reads them
  * counters not negative and not NaN
  * histogram: le rising as numbers, buckets never falling, +Inf there and equal to _count, _sum and _count there
  * summary: quantiles in [0, 1] and rising, _sum and _count there
  * no family whose samples could be taken for another's (x_count beside a summary x)
"""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
NUMBER = re.compile(r"(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)\Z")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Malformed(Exception):
    pass


class Family:
    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = []          # (name, labels as a sorted tuple, value)


class Exposition:
    """families: name -> Family; samples: (name, ((label, value), ...)) -> float."""

    def __init__(self, families):
        self.families = families
        self.samples = {}
        for f in families.values():
            for name, labels, value in f.samples:
                self.samples[name, labels] = value

    def value(self, name, default=None, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))), default)

    def all(self, name):
        """{labels: value} of every series of that sample name."""
        return {labels: value for (n, labels), value in self.samples.items() if n == name}

    def sum(self, name, **labels):
        """Of every series of that sample name that has these labels."""
        return sum(value for had, value in self.all(name).items() if set(labels.items()) <= set(had))

    def names(self):
        return {n for n, _ in self.samples}

    def lines(self, strange=lambda name: name.startswith(("statsd_", "process_"))):
        """The samples of applications, as text, sorted."""
        out = []
        for f in self.families.values():
            if not strange(f.name):
                out += [sample_text(*s) for s in f.samples]
        return sorted(out)


def sample_text(name, labels, value):
    inner = ",".join('%s="%s"' % (k, escape(v)) for k, v in labels)
    return "%s%s %s" % (name, "{%s}" % inner if inner else "", number_text(value))


def escape(v):
    return v.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number_text(v):
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "+Inf" if v > 0 else "-Inf"
    return repr(int(v)) if v == int(v) and abs(v) < 1e15 else repr(v)


def number(text):
    if not NUMBER.match(text):
        raise Malformed("not a number: %r" % text)
    return float(text)


def unescape(text, quotes):
    out, i = [], 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
            known = {"\\": "\\", "n": "\n", '"': '"' if quotes else None}
            c = known.get(text[i] if i < len(text) else "")
            if c is None:
                raise Malformed("bad escape in %r" % text)
            out.append(c)
        else:
            out.append(text[i])
        i += 1
    return "".join(out)


LABEL_PAIR = re.compile(r'([^=,{}"]+)="((?:[^"\\]|\\.)*)"(,|\})', re.S)


def sample(line):
    head = re.match(r"[^{ ]+", line)
    if not head or not NAME.match(head.group()):
        raise Malformed("bad name: %r" % line)
    name, at, labels = head.group(), head.end(), []
    keys = []
    if line[at:at + 1] == "{":
        at += 1
        while True:
            m = LABEL_PAIR.match(line, at)
            if not m:
                raise Malformed("bad labels: %r" % line)
            key, value = m.group(1), unescape(m.group(2), True)
            if not LABEL.match(key) or key.startswith("__"):
                raise Malformed("bad label name %r: %r" % (key, line))
            keys.append(key)
            if value != "":     # for Prometheus an empty label is none: series that differ in it alone are one, twice
                labels.append((key, value))
            at = m.end()
            if m.group(3) == "}":
                break
    if len(set(keys)) != len(keys):
        raise Malformed("label twice: %r" % line)
    if line[at:at + 1] != " " or " " in line[at + 1:]:
        raise Malformed("wanted one blank and a value: %r" % line)
    return name, tuple(sorted(labels)), number(line[at + 1:])


def belongs(family, name):
    suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}.get(family.type, ("",))
    return any(name == family.name + s for s in suffixes)


def parse(data):
    """bytes or str -> Exposition, or Malformed."""
    text = data if isinstance(data, str) else decode(data)
    if text == "":
        return Exposition({})
    if not text.endswith("\n"):
        raise Malformed("the last line is not ended")
    if "\r" in re.sub(r'"(?:[^"\\]|\\.)*"', '""', text):
        raise Malformed("CR")
    families, current = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, rest = line[7:].partition(" ")
            if name in families:
                raise Malformed("family twice: %s" % name)
            if not NAME.match(name) or not rest:
                raise Malformed("bad HELP: %r" % line)
            current = families[name] = Family(name, unescape(rest, False))
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            if current is None or name != current.name or current.type or current.samples or kind not in TYPES:
                raise Malformed("TYPE out of place: %r" % line)
            current.type = kind
        elif line == "" or line.startswith("#"):
            raise Malformed("neither HELP, TYPE nor a sample: %r" % line)
        else:
            s = sample(line)
            if current is None or not current.type or not belongs(current, s[0]):
                raise Malformed("a sample outside of its family: %r" % line)
            current.samples.append(s)
    for f in families.values():
        check_family(f)
    check_clashes(families)
    return Exposition(families)


def decode(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed(str(e))


def check_family(f):
    if not f.type:
        raise Malformed("no TYPE: %s" % f.name)
    seen = set()
    for name, labels, value in f.samples:
        if (name, labels) in seen:
            raise Malformed("series twice: %s %r" % (name, labels))
        seen.add((name, labels))
        if f.type == "counter" and not value >= 0:
            raise Malformed("counter below zero or NaN: %s %r" % (name, value))
    if f.type in ("histogram", "summary"):
        check_observer(f, "le" if f.type == "histogram" else "quantile")


def check_observer(f, key):
    groups = {}
    for name, labels, value in f.samples:
        rest = tuple(kv for kv in labels if kv[0] != key)
        g = groups.setdefault(rest, {"steps": [], "_sum": None, "_count": None})
        stepped = name == f.name + ("_bucket" if key == "le" else "")
        if stepped != (rest != labels):
            raise Malformed("%s: %s out of place" % (name, key))
        if stepped:
            g["steps"].append((number(dict(labels)[key]), value))
        else:
            g[name[len(f.name):]] = value
    for rest, g in groups.items():
        at = [s for s, _ in g["steps"]]
        if g["_sum"] is None or g["_count"] is None:
            raise Malformed("%s%r: no _sum or no _count" % (f.name, rest))
        if any(a >= b for a, b in zip(at, at[1:])):
            raise Malformed("%s%r: %s does not rise" % (f.name, rest, key))
        if key == "quantile" and any(not 0 <= q <= 1 for q in at):
            raise Malformed("%s%r: quantile outside [0, 1]" % (f.name, rest))
        if key == "le":
            counts = [c for _, c in g["steps"]]
            if not at or at[-1] != math.inf or counts[-1] != g["_count"]:
                raise Malformed("%s%r: +Inf is not _count" % (f.name, rest))
            if any(a > b for a, b in zip(counts, counts[1:])):
                raise Malformed("%s%r: buckets fall" % (f.name, rest))


def check_clashes(families):
    for f in families.values():
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}.get(f.type, ())
        for s in suffixes:
            if f.name + s in families:
                raise Malformed("%s is also a sample of the %s %s" % (f.name + s, f.type, f.name))
