#!/usr/bin/python3
"""Changes one operator, constant or statement of the source at a time and says which changes no test notices.

    mutants.py [--file src/room/file.c] [--count N] [--seed S]    N changes, drawn by the seed
    mutants.py --from FILE                                        those in FILE, as a report lists them
      --jobs J    changes tried at a time (2)
      --most S    no further test is begun for a change after S seconds (60): those that know the file best have run by then

Called by `make mutants`, which says in the environment how to compile (MUTANTS_FLAGS) and link (MUTANTS_LIBS). The worktree is
left alone: a copy below B/mutants is built once, each job compiles one changed file of it at a time and links the tests that
belong to it (BELONG) again, those that name the file first. A change is caught when a test fails, dies, leaks or takes too long.
What does not compile, or compiles to the same code, does not count. Survivors that mutants.known explains are not run again.
"""
import argparse
import collections
import concurrent.futures
import fcntl
import functools
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FOLDER = os.path.join(TOP, os.environ.get("B", "build"), "mutants")
TREE = os.path.join(FOLDER, "tree")
KNOWN = os.path.join(TOP, "tests", "support", "mutants.known")
COPIED = ["Makefile", "README.md", "LICENSE", "statsd.conf.example", "src", "include", "tests", "bench", "docs", "contrib"]

# What sees a room's mistakes beside tests/unit/ROOM: prop/NAME, replay/NAME and, where only the whole shows them, e2e/NAME.
BELONG = {
    "aggregate": "prop/* replay/exposition replay/lane replay/rules replay/state unit/core e2e/limits_by_sender",
    "api": "replay/api",
    "app": "e2e/run e2e/stop e2e/reload e2e/http e2e/descriptors e2e/refused e2e/systemd e2e/restarts e2e/state e2e/takeover e2e/sandbox e2e/web_config e2e/web_config_tls",
    "base": "prop/probe_move replay/number replay/parse",
    "capture": "replay/frame e2e/capture e2e/replay",
    "cluster": "replay/cluster_shard unit/expose e2e/cluster_metrics",
    "cmd": "replay/convert e2e/explain e2e/mapping e2e/check_test e2e/convert e2e/config",
    "config": "replay/config replay/web_config replay/mapping replay/rules unit/cmd e2e/config e2e/web_config e2e/web_config_tls",
    "core": "replay/exposition unit/cmd unit/state e2e/first_metric e2e/memory_bound e2e/config",
    "explain": "prop/hint unit/cmd e2e/explain e2e/mapping e2e/check_test",
    "expose": "prop/exposed prop/native prop/walk replay/accept replay/exposition",
    "http": "replay/accept replay/http replay/auth unit/expose unit/api e2e/web_config e2e/web_config_tls",
    "listen": "prop/lane_cuts prop/framing_cuts replay/stream e2e/limits_by_sender",
    "mirror": "e2e/mirror",
    "protocol": "prop/bare prop/framing_cuts prop/lane_cuts replay/parse replay/framing replay/stream replay/number",
    "sandbox": "e2e/sandbox",
    "send": "unit/bench e2e/load_generator e2e/replay",
    "sinks": "prop/interval_slices prop/redis_spool prop/redis_totals replay/redis_reply replay/redis_field replay/redis_url replay/state",
    "state": "prop/state replay/state e2e/state",
    "takeover": "prop/takeover replay/takeover",
    "web": "e2e/page",
    "tls": "unit/listen unit/sinks/redis unit/http e2e/tls e2e/web_config_tls",
}

# ---- where a change is possible ----

TOKEN = re.compile(r"""
    (?P<skip>\s+ | //[^\n]* | /\*.*?\*/ | ^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
  | (?P<number>\d(?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<op><<=|>>=|->|\+\+|--|&&|\|\||[<>=!+\-*/%&|^]=|<<|>>|.)
""", re.X | re.S | re.M)

COMPARISON = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="]}
ARITHMETIC = {"+": ["-"], "-": ["+"], "+=": ["-="], "-=": ["+="], "++": ["--"], "--": ["++"], "<<": [">>"], ">>": ["<<"]}
LOGICAL = {"&&": ["||"], "||": ["&&"]}
ASSIGNS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
NO_VALUE = {"return", "case", "else", "sizeof"}
# Their arguments are our own promises or words for people, not what the program does.
TOLD = re.compile(r"(?:static_assert|assert|offsetof|log_\w+|(?!on_)\w+_check)$")

Token = collections.namedtuple("Token", "kind text at end")
Change = collections.namedtuple("Change", "file kind at end text")


def tokens_of(source):
    found = (Token(m.lastgroup, m.group(), m.start(), m.end()) for m in TOKEN.finditer(source))
    return [t for t in found if t.kind != "skip"]


def pairs_of(tokens):
    """For each opening bracket's place that of its closing one."""
    pair, open_at = {}, []
    for i, t in enumerate(tokens):
        if t.text in "([{":
            open_at.append(i)
        elif t.text in ")]}" and open_at:
            pair[open_at.pop()] = i
    return pair


def regions_of(tokens, pair):
    """(first, last, name) of each function's body; name is None for enums and initializers, which have constants alone."""
    i = 0
    while i < len(tokens):
        t = tokens[i]
        if t.text == "(" and tokens[i - 1].kind == "word" and pair.get(i, 0) + 1 < len(tokens):
            body = pair[i] + 1
            if tokens[body].text == "{" and body in pair:
                yield body, pair[body], tokens[i - 1].text
                i = pair[body]
            else:
                i = pair[i]
        elif t.text == "{" and i in pair:
            before = [x.text for x in tokens[max(0, i - 2):i]]
            if "enum" in before or before[-1:] == ["="]:
                yield i, pair[i], None
            i = pair[i]
        i += 1


def next_number(text):
    """n becomes n + 1, and 1 becomes 0 too; none for what is no plain number."""
    m = re.match(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$", text)
    if m is None:
        m = re.match(r"(\d+)(\.\d*.*|e.*)$", text)
        return [str(int(m.group(1)) + 1) + m.group(2)] if m else []
    digits, suffix = m.groups()
    value = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits, 8 if digits[0] == "0" else 10)
    more = "%#x" % (value + 1) if digits[:2] in ("0x", "0X") else str(value + 1)
    return [more + suffix] + (["0" + suffix] if value == 1 else [])


def statement_changes(tokens, pair, first, starts):
    """A statement that begins here: dropped, or returns something else."""
    last, depth = first, 0
    while tokens[last].text != ";":
        if last in pair:
            last = pair[last]
        elif tokens[last].text in ")]}":
            return
        last += 1
    head, second, at, end = tokens[first], tokens[first + 1], tokens[first].at, tokens[last].end
    if head.text in ("break", "continue"):
        yield "jump", at, end, ";"
        yield "jump", at, end, "continue;" if head.text == "break" else "break;"
    elif head.text == "return" and last > first + 1:
        value = " ".join(t.text for t in tokens[first + 1:last])
        other = {"true": "false", "false": "true", "0": "-1", "NULL": None}.get(value, "0")
        if other is not None:
            yield "return", at, end, "return %s;" % other
    elif head.kind == "word" and not TOLD.match(head.text) and head.text not in NO_VALUE:
        if second.text in ASSIGNS | {"(", "->", ".", "[", "++", "--"} and head.text not in ("if", "for", "while", "switch", "do"):
            yield "drop", at, end, ";"
    elif head.text in ("*", "(", "++", "--"):
        yield "drop", at, end, ";"


def changes_in(file, source):
    """Every change that this file offers."""
    tokens = tokens_of(source)
    pair = pairs_of(tokens)

    def change(kind, at, end, text):
        # As many lines as before: what asserts say of their line stays the same.
        return Change(file, kind, at, end, text + "\n" * source.count("\n", at, end))

    for first, last, function in regions_of(tokens, pair):
        if function is not None and (TOLD.match(function) or function.startswith("static_assert")):
            continue
        i, starts = first + 1, {first + 1}
        while i < last:
            t, before, after = tokens[i], tokens[i - 1], tokens[i + 1]
            if t.kind == "word" and TOLD.match(t.text) and after.text == "(" and "/base/log.c" not in file:
                i = pair[i + 1] + 1
                continue
            if t.kind == "number":
                for text in next_number(t.text):
                    yield change("constant", t.at, t.end, text)
            if function is None:
                i += 1
                continue
            if i in starts:
                for found in statement_changes(tokens, pair, i, starts):
                    yield change(*found)
            if t.text in (";", "{", "}", "else", "do"):
                starts.add(i + 1)
            elif t.text in ("if", "for", "while", "switch") and after.text == "(":
                starts.add(pair[i + 1] + 1)
            if t.text == "if" and after.text == "(":
                inner = tokens[pair[i + 1]].at
                yield change("logical", after.end, inner, "!(%s)" % " ".join(source[after.end:inner].split()))
            if t.kind == "op":
                value_before = before.kind in ("number", "word", "text") and before.text not in NO_VALUE or before.text in ")]"
                for text in COMPARISON.get(t.text, []):
                    yield change("comparison", t.at, t.end, text)
                for text in LOGICAL.get(t.text, []):
                    yield change("logical", t.at, t.end, text)
                if value_before or t.text in ("++", "--"):
                    for text in ARITHMETIC.get(t.text, []):
                        yield change("arithmetic", t.at, t.end, text)
                if t.text == "!":
                    yield change("logical", t.at, t.end, "")
            i += 1


@functools.lru_cache(None)
def source_of(file):
    """As it was when the tree was copied."""
    with open(os.path.join(TREE, file), encoding="utf-8") as f:
        return f.read()


def changed(source, c):
    return source[:c.at] + c.text + source[c.end:]


def shown(source, c):
    """(line number, the lines before, after), each on one line; with what stands above where there are more like it."""
    first, last = source.rfind("\n", 0, c.at) + 1, source.find("\n", c.end)
    while first > 0 and source.count("\n" + source[first:last] + "\n") > 1:
        first = source.rfind("\n", 0, first - 1) + 1
    before, after = source[first:last], source[first:c.at] + c.text + source[c.end:last]
    return source.count("\n", 0, c.at) + 1, " ".join(before.split()), " ".join(after.split())


def draws(files, seed):
    """Changes without end: a file by its lines, a kind of those it offers, one of that kind."""
    rng, drawn, offers = random.Random(seed), set(), {}
    weights = [source_of(f).count("\n") for f in files]
    misses = 0
    while misses < 1000:
        file = rng.choices(files, weights)[0]
        if file not in offers:
            offers[file] = collections.defaultdict(list)
            for c in changes_in(file, source_of(file)):
                offers[file][c.kind].append(c)
        if not offers[file]:
            misses += 1
            continue
        c = rng.choice(offers[file][rng.choice(sorted(offers[file]))])
        misses = misses + 1 if c in drawn else 0
        if c not in drawn:
            drawn.add(c)
            yield c


def read_list(path):
    """(file, line or 0, before, after) of each entry in a report or in mutants.known."""
    entries, head = [], None
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"((?:src|include)/[\w/]+\.[ch])(?::(\d+))?", line)
            if m:
                head = m
            elif line.startswith("  - ") and head:
                before = line[4:].strip()
            elif line.startswith("  + ") and head:
                entries.append((head.group(1), int(head.group(2) or 0), before, line[4:].strip()))
    return entries


def listed(path):
    """The changes that the entries of a list mean today, the nearest to the line where lines are alike."""
    for file, line, before, after in read_list(path):
        source = source_of(file)
        found = [(abs(shown(source, c)[0] - line), c) for c in changes_in(file, source) if shown(source, c)[1:] == (before, after)]
        if found:
            yield min(found)[1]
        else:
            print("mutants: no such place any more: %s: %s" % (file, before))


# ---- the copy, its tests, and what they say ----

class Copy:
    """A copy of the tree, built once; the tests in it, how long each takes, and whether it passes when nothing is changed."""

    def __init__(self):
        self.folder, self.tree = FOLDER, TREE
        self.flags = os.environ["MUTANTS_FLAGS"].replace("-Iinclude", "-I" + self.tree + "/include").replace(
            "-Isrc", "-I" + self.tree + "/src").split()
        self.flags += ["-w", "-O2", "-g0", '-DSTATSD_VERSION="0"', '-DSTATSD_COMMIT="0"']
        self.libs = os.environ["MUTANTS_LIBS"].split()
        self.cc = os.environ.get("CC", "cc").split()
        self.alone = self.how_to_keep_apart()
        self.facts, self.lock = {}, threading.Lock()
        self.symbols = {}

    @staticmethod
    def how_to_keep_apart():
        """Own process and network numbers, where that is allowed: nothing outlives a test, and two jobs never meet."""
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                 'ip link set lo up && exec "$@"', "sh"]
        try:
            return words if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL).returncode == 0 else []
        except OSError:
            return []

    def build(self):
        os.makedirs(self.tree, exist_ok=True)
        for name in COPIED:
            source = os.path.join(TOP, name)
            if os.path.exists(source):
                subprocess.run(["rsync", "-a", "--delete", "--exclude", "__pycache__", source, self.tree + "/"]
                               if shutil.which("rsync") else ["cp", "-au", source, self.tree + "/"], check=True)
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        subprocess.run(["make", "-s", "-j2", "B=build", "CFLAGS=-O1 -w", "COMMIT=mutants", "all", "tests"], cwd=self.tree, env=env,
                       check=True)

    def objects_of(self, test):
        o = os.path.join(self.tree, "build", "obj")
        kind, name = test.split("/", 1)
        if kind == "e2e":
            return [o + "/src/cmd/main.o"]
        support = glob.glob(o + "/tests/support/*.o") + [o + "/proto/metrics.pb-c.o"]
        if kind == "replay":
            return [o + "/tests/fuzz/fuzz_%s.o" % name, o + "/tests/fuzz/replay_main.o"] + support
        return [o + "/tests/%s.o" % test] + support

    def link(self, test, objects, to, leaks):
        words = self.cc + (["-fsanitize=leak"] if leaks else []) + ["-o", to] + self.objects_of(test)[:2] + objects
        words += self.objects_of(test)[2:] + [self.tree + "/build/libstatsd.a", "-lcmocka", "-lprotobuf-c"] + self.libs
        return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def run(self, test, binary, limit_s):
        """None: passed. Else how it failed."""
        kind, name = test.split("/", 1)
        env = {k: v for k, v in os.environ.items() if not k.startswith("STATSD_")}
        env["LSAN_OPTIONS"] = "suppressions=" + self.folder + "/lsan.supp"
        words = [binary]
        if kind == "replay":
            words.append("tests/fuzz/corpus/" + name)
        elif kind == "e2e":
            env.update(STATSD_BIN=binary, PYTHONDONTWRITEBYTECODE="1")
            words = ["/usr/bin/python3", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no", "tests/e2e/test_%s.py" % name]
        with subprocess.Popen(self.alone + words, cwd=self.tree, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True) as p:
            try:
                rc = p.wait(limit_s)
            except subprocess.TimeoutExpired:
                rc = "hangs"
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return None if rc == 0 else rc if rc == "hangs" else "fails"

    def fact(self, test):
        """(seconds, leaks are looked for) without a change; None when it fails then, and tells nothing."""
        with self.lock:
            f = self.facts.setdefault(test, {"lock": threading.Lock()})
        with f["lock"]:
            if "is" not in f:
                f["is"] = None
                binary = os.path.join(self.folder, "plain-" + test.replace("/", "-"))
                for leaks in (False,) if test.startswith("e2e/") else (True, False):
                    began = time.monotonic()
                    if self.link(test, [], binary, leaks) and self.run(test, binary, 300) is None:
                        f["is"] = (time.monotonic() - began, leaks)
                        break
                else:
                    print("mutants: %s fails without a change: left out" % test, flush=True)
                if os.path.exists(binary):
                    os.unlink(binary)
        return f["is"]

    def defined_in(self, file):
        out = subprocess.run(["nm", "--defined-only", file], stdout=subprocess.PIPE).stdout.decode()
        return {w[-1] for w in (line.split() for line in out.split("\n")) if len(w) == 3 and w[1] in "TDBR"}

    def links(self, test, exported):
        """Whether the test has the file's object in it."""
        if test.startswith("e2e/"):
            return True
        with self.lock:
            if test not in self.symbols:
                path = "build/" + test if test.startswith("replay/") else "build/tests/" + test
                self.symbols[test] = self.defined_in(os.path.join(self.tree, path))
        return bool(self.symbols[test] & exported)

    def tests_for(self, file, exported):
        """What may see a change of this file: by name the nearest first, then those that include it; the end-to-end ones last."""
        room, stem = file.split("/")[1], os.path.splitext(os.path.basename(file))[0]
        unit = ["unit/" + os.path.dirname(file)[4:], "unit/" + room] + BELONG.get(room, "").split()
        found = []
        for pattern in unit:
            kind, name = pattern.split("/", 1)
            if kind == "unit":
                at = sorted(glob.glob("%s/tests/unit/%s/**/test_*.c" % (self.tree, name), recursive=True))
                found += [os.path.relpath(p, self.tree + "/tests")[:-2] for p in at]
            elif kind == "prop":
                found += ["prop/" + os.path.basename(p)[:-2] for p in sorted(glob.glob("%s/tests/prop/test_%s.c" % (self.tree, name)))]
            else:
                found.append(pattern)
        found = [t for t in dict.fromkeys(found) if self.links(t, exported)]
        head = re.compile(r'#include "(?:\w+/)*%s(?:_priv)?\.h"' % re.escape(stem))

        def order(test):
            told = self.facts.get(test, {}).get("is")
            if test.startswith("e2e/"):  # those first that speak of it most
                text = source_of("tests/" + test.replace("/", "/test_") + ".py")
                return True, -text.count(stem.split("_")[-1]), False, False, 0, test
            path = "tests/%s.c" % test
            words = os.path.basename(test).replace("test_", "").split("_")
            alike = len(os.path.commonprefix([words, stem.split("_")]))  # test_mapping for mapping_glob.c
            named = os.path.exists(os.path.join(self.tree, path)) and head.search(source_of(path))
            return False, -alike, not named, not test.startswith("unit/"), told[0] if told else 1, test
        return sorted(found, key=order)


class Job:
    """One changed file at a time, in a folder of its own."""

    def __init__(self, copy, number, most_s):
        self.copy, self.folder, self.most_s = copy, os.path.join(copy.folder, "job-%d" % number), most_s
        shutil.rmtree(self.folder, ignore_errors=True)

    def compile(self, file, text, to):
        path = os.path.join(self.folder, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return subprocess.run(self.copy.cc + self.copy.flags + ["-c", "-o", to, file], cwd=self.folder, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def try_one(self, c):
        """(what came of it, the test that told or None)"""
        source, plain, object_ = source_of(c.file), self.folder + "/plain.o", self.folder + "/changed.o"
        if not self.compile(c.file, changed(source, c), object_):
            return "no code", None
        if not self.compile(c.file, source, plain):
            return "no code", None
        with open(plain, "rb") as a, open(object_, "rb") as b:
            if a.read() == b.read():
                return "same code", None
        tests, tried, until = self.copy.tests_for(c.file, self.copy.defined_in(plain)), 0, time.monotonic() + self.most_s
        for test in tests:
            if time.monotonic() > until:
                break
            tried += 1
            fact = self.copy.fact(test)
            if fact is None:
                continue
            binary = self.folder + "/test"
            if not self.copy.link(test, [object_], binary, fact[1]):
                continue
            how = self.copy.run(test, binary, 10 + 4 * fact[0])
            if how == "fails":  # twice: one that fails now and then has told nothing
                how = self.copy.run(test, binary, 10 + 4 * fact[0])
            if how is not None:
                return "caught", "%s %s" % (test, how)
        return "survived", "%d of %d tests" % (tried, len(tests))


# ---- the whole ----

def room_of(file):
    return file.split("/")[1]


def report(results):
    rooms = collections.defaultdict(collections.Counter)
    for c, what, _ in results:
        rooms[room_of(c.file)][what] += 1
        rooms["all"][what] += 1
    print("\n%-10s %7s %9s %9s %7s" % ("room", "changes", "caught", "explained", "left"))
    for room in sorted(rooms, key=lambda r: (r == "all", r)):
        n = rooms[room]
        print("%-10s %7d %9d %9d %7d" % (room, sum(n.values()), n["caught"], n["explained"], n["survived"]))
    left = [c for c, what, _ in results if what == "survived"]
    if left:
        print("\nno test noticed:\n")
    for c in sorted(left, key=lambda c: (c.file, c.at)):
        print("%s:%d\n  - %s\n  + %s\n" % ((c.file,) + shown(source_of(c.file), c)))
    n = rooms["all"]
    print("== %d changes: %d caught, %d explained, %d left" % (sum(n.values()), n["caught"], n["explained"], n["survived"]))


def main():
    p = argparse.ArgumentParser(add_help=False)
    p.add_argument("--file")
    p.add_argument("--from", dest="list")
    p.add_argument("--count", type=int, default=20)
    p.add_argument("--seed", default="1")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--most", type=int, default=60)
    o = p.parse_args()
    os.setpriority(os.PRIO_PROCESS, 0, max(10, os.getpriority(os.PRIO_PROCESS, 0)))
    os.makedirs(FOLDER, exist_ok=True)
    alone = open(FOLDER + "/lock", "w", encoding="utf-8")
    fcntl.flock(alone, fcntl.LOCK_EX)  # a second run waits
    copy = Copy()
    copy.build()
    supp = os.path.join(TOP, "tests", "support", "lsan.supp")
    with open(copy.folder + "/lsan.supp", "w", encoding="utf-8") as f:
        f.write(open(supp, encoding="utf-8").read() if os.path.exists(supp) else "")
    known = {(e[0], e[2], e[3]) for e in read_list(KNOWN)} if os.path.exists(KNOWN) and not o.list else set()
    files = [o.file] if o.file else sorted(os.path.relpath(f, TREE) for f in glob.glob(TREE + "/src/**/*.c", recursive=True))
    wanted = listed(o.list) if o.list else draws(files, o.seed)
    count = 10**9 if o.list else o.count

    lock, results, taken = threading.Lock(), {}, [0]

    def counted():
        return sum(what not in ("no code", "same code") for _, what, _ in results.values())

    def work(number):
        job = Job(copy, number, o.most)
        while True:
            with lock:
                c = next(wanted, None) if counted() < count else None
                order = taken[0]
                taken[0] += 1
            if c is None:
                return
            began = time.monotonic()
            line, before, after = shown(source_of(c.file), c)
            what, told = ("explained", None) if (c.file, before, after) in known else job.try_one(c)
            with lock:
                results[order] = (c, what, told)
                if what in ("caught", "survived", "explained") or o.list:
                    print("[%3d] %-9s %5.1f s  %s:%d  %s  ->  %s%s" % (counted(), what, time.monotonic() - began, c.file, line, before,
                                                                    after, "  (%s)" % told if told else ""), flush=True)

    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        for done in [pool.submit(work, n) for n in range(o.jobs)]:
            done.result()
    report([r for _, r in sorted(results.items()) if r[1] not in ("no code", "same code")][:count])


if __name__ == "__main__":
    sys.exit(main())
