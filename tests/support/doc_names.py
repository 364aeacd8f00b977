"""Whether the commands that a page names are there: each `statsd ...` and `statsd-bench ...` by the binaries' own tables, each `make ...`
by the Makefile.
"""
import collections
import os
import re
import shlex

import told

# commands and bench: name -> {flag or letter: its value, as the binary writes it}
Known = collections.namedtuple("Known", "commands bench options entries targets makefile")
PROGRAMS = {"statsd", "build/statsd", "statsd-bench", "build/statsd-bench", "make"}
WRAPPERS = {"sudo", "setpriv", "exec"}
PLACEHOLDER = re.compile(r"(--)?[A-Z_-]+\.*|\[.*|\.\.\.|…")
TABLES = ("options", "metrics", "reasons", "syscalls", "commands", "flags")


def known(statsd, makefile):
    """What there is; without a statsd-bench beside the server, bench is None."""
    t = told.statsd_told(statsd)
    commands = {c.name: {n: f.value for f in t.flags if c.name in f.takers for n in (f.name, f.letter) if n} for c in t.commands}
    bench = None
    if os.path.exists(statsd + "-bench"):
        bench = {f.name: f.value for section in told.bench_told(statsd + "-bench").sections.values() for f in section}
    entries = set(TABLES) | {row[0] for name in TABLES for row in told.table(statsd, name)}
    text = with_included(makefile)
    targets = {word for rule in re.findall(r"^([^\s#:=][^:=\n]*):(?!=)", text, flags=re.M) for word in rule.split()}
    return Known(commands, bench, {o.name for o in t.options}, entries, targets, text)


def with_included(makefile):
    with open(makefile, encoding="utf-8") as f:
        text = f.read()
    included = [name for line in re.findall(r"^-?include (.*)$", text, flags=re.M) for name in re.findall(r"[\w./-]+\.mk", line)]
    for name in included:
        with open(os.path.join(os.path.dirname(makefile), name), encoding="utf-8") as f:
            text += f.read()
    return text


def inline(text):
    """What stands between backticks; in cells of tables, too."""
    text = re.sub(r"<!-- describe .*?<!-- end -->|^```.*?^```$", "", text, flags=re.M | re.S)
    found = [code for paragraph in re.split(r"\n\s*\n", text) for code in re.findall(r"`([^`]+)`", paragraph)]
    return [re.sub(r"\s*\n\s*", " ", code).replace("\\|", "|") for code in found]


def tokens(command):
    command = command.split("<<'")[0].replace("\\\n", " ")
    if command.startswith("make "):
        command = re.split(r" {3,}", command)[0]      # what stands behind is said of it
    try:
        lexer = shlex.shlex(command, posix=True, punctuation_chars="();<>|&")
        lexer.whitespace_split, lexer.commenters = True, ""
        return list(lexer)
    except ValueError:
        return command.split()


def simple(command):
    """The commands that a shell would run of it, each as its words."""
    found, to_file = [[]], False
    for word in tokens(command):
        if to_file or re.fullmatch(r"[<>&]*[<>][<>&]*", word):
            to_file = not to_file
        elif re.fullmatch(r"[();|&]+", word):
            found.append([])
        elif word.startswith("#") and found[-1]:
            break
        else:
            found[-1].append(word)
    return [words for words in map(unwrapped, found) if words and words[0] in PROGRAMS]


def unwrapped(words):
    """Without assignments, and without sudo and the like with their flags."""
    words = list(words)
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        words.pop(0)
    if words and words[0] in WRAPPERS:
        words.pop(0)
        while words and words[0].startswith("-"):
            words.pop(0)
    return words


def wrong_flags(words, flags, k, whose):
    """Flags among the words that are not there, and options of --set that are not."""
    found, i = [], 0
    while i < len(words) and words[i] != "--":
        name, equals, value = words[i].partition("=")
        i += 1
        if not name.startswith("-") or name == "-" or PLACEHOLDER.fullmatch(name):
            continue
        if name not in flags:
            found.append("%s has no %s" % (whose, name))
        elif flags[name] and not flags[name].startswith("["):
            if not equals:
                value = words[i] if i < len(words) else ""
                i += 1
            option = value.split("=")[0]
            if name == "--set" and option and option not in k.options and not PLACEHOLDER.fullmatch(option):
                found.append("no option %s" % option)
    return found


def wrong_statsd(words, k):
    name = "statsd"
    if words and not words[0].startswith("-"):
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in k.commands), None)
        if PLACEHOLDER.fullmatch(words[0]) or words == ["redis"]:
            return []
        if name is None:
            return ["no command %s" % " ".join(words[:2 if words[0] == "redis" else 1])]
        words = words[len(name.split()):]
        if name == "describe":
            return ["nothing to describe: " + w for w in words if w not in k.entries and not w.startswith("-") and not PLACEHOLDER.fullmatch(w)] + \
                wrong_flags(words, k.commands[name], k, "statsd " + name)
    return wrong_flags(words, k.commands[name], k, "statsd" if name == "statsd" else "statsd " + name)


def wrong_make(words, k):
    found = []
    for word in words:
        variable = re.match(r"([A-Za-z_]\w*)=", word)
        if variable:
            if not re.search(r"\$\(%s\)|\b%s *\??=" % (variable[1], variable[1]), k.makefile):
                found.append("make reads no %s" % variable[1])
        elif word not in k.targets and not word.startswith("-") and "/" not in word and not PLACEHOLDER.fullmatch(word):
            found.append("no target %s" % word)
    return found


def wrong(command, k):
    """What a command names that is not there."""
    found = []
    for program, *words in simple(command):
        if program == "make":
            found += wrong_make(words, k)
        elif program.endswith("-bench"):
            found += [] if k.bench is None else wrong_flags(words, k.bench, k, "statsd-bench")
        else:
            found += wrong_statsd(words, k)
    return found
