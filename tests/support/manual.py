"""The manual pages, docs/man/: what lies between .\\" told X and .\\" end is made of what the binaries tell (told.py), and so is .Os."""
import re
import textwrap

import told

PAGES = {"docs/man/statsd.1": "statsd", "docs/man/statsd.conf.5": "statsd", "docs/man/statsd-bench.1": "statsd-bench"}


def plain(text):
    """Characters that roff would change or take for its own; `code` becomes bold."""
    text = text.replace("\\", "\\e").replace("--", "\\-\\-")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    text = re.sub(r"(?<![A-Za-z])'|'(?![A-Za-z])", r"\\(aq", text)
    return text.replace("~", "\\(ti").replace("^", "\\(ha")


def prose(text):
    """Lines of text: a sentence begins a line, and no line begins with a control character."""
    lines = []
    for sentence in re.split(r"(?<=[.?!]) (?=[A-Z0-9/+])", text):
        lines += textwrap.wrap(plain(sentence), 78, break_long_words=False, break_on_hyphens=False)
    return "".join("%s%s\n" % ("\\&" if line[0] in ".'" else "", line) for line in lines)


def flag_macros(word):
    """ "-c" -> Fl c, "--config" -> Fl Fl config """
    return "Fl Fl " + word[2:] if word.startswith("--") else "Fl " + word[1:]


def word_macros(word):
    if re.match("--?[a-z]", word):
        return flag_macros(word)
    if word == "--":
        return "Fl -"
    return word if word in ("|", "...") else ("Cm " if re.fullmatch("[a-z_|]+", word) else "Ar ") + word


def usage(command):
    """A line of usage, its brackets and all, as one line of mdoc.  The brackets nest no deeper than one level."""
    lines = [".Nm\n"]
    for part in re.findall(r"\[[^\]]*\]|\S+", command.usage)[1:]:
        words = [word_macros(w) for w in re.sub(r"\.\.\.(?=\W|$)", " ...", part.strip("[]")).split()]
        lines.append("%s%s\n" % (".Op " if part[0] == "[" else "." if words != ["|"] else "", " ".join(words)))
    return lines


def flag_item(flag):
    value = " Ar " + flag.value if flag.value else ""
    letter = "%s%s , " % (flag_macros(flag.letter), value) if flag.letter else ""
    return ".It %s%s%s\n%s" % (letter, flag_macros(flag.name), value, prose(sentence(flag.meaning)))


def sentence(text):
    """What is told is no sentence: it begins in lower case and lacks its end."""
    return (text[0].upper() + text[1:] if re.match(r"[a-z]+[ ;,]", text) else text) + ("" if text.endswith(".") else ".")


def listed(items):
    return "".join([".Bl -tag -width Ds\n", *items, ".El\n"]) if items else ""


COMMON = ("--config", "--set", "--help", "--version")


def synopsis(t):
    return "".join("".join(usage(c)) for c in t.commands)


def options_of_all(t):
    return listed([flag_item(f) for f in t.flags if f.name in COMMON or f.takers == ["statsd"]])


def commands(t):
    made = []
    for name in told.names_of(t.commands):
        made.append(".Ss statsd %s\n" % name)
        for c in t.commands:
            if c.name == name:
                made += [".Bd -ragged -offset indent\n", *usage(c), ".Ed\n.Pp\n", prose(sentence(c.meaning))]
        made.append(listed([flag_item(f) for f in t.flags if name in f.takers and f.name not in COMMON]))
    return "".join(made)


def config(t, example):
    made, section = [], None
    for o in t.options:
        if o.name.split(".")[0] != section:
            made.append(".El\n" if section else "")
            section = o.name.split(".")[0]
            about = re.search(r"^# (.*)\n\[%s\]$" % section, example, flags=re.M)
            made.append('.Ss Section %s\n%s.Bl -tag -width Ds\n' % (section, prose(about[1])))
        meaning = o.meaning.removesuffix(" Changes on reload.")
        value = o.kind + (": " + o.limits.replace("|", ", ") if o.limits else "")
        made.append(".It Va %s\n%s" % (o.name, prose(meaning)))
        made.append(".br\n" + prose("%s; default %s; %s." % (
            value[0].upper() + value[1:] if o.kind != "on|off" else "On, off", o.default or "empty",
            "changes on reload" if meaning != o.meaning else "takes effect at the next start")))
    return "".join(made + [".El\n"])


def bench_flags(b):
    made = []
    for heading, flags in b.sections.items():
        made.append(".Ss %s\n" % heading)
        items = []
        for f in flags:
            meaning = re.match(r"(.*?)(?: \[([^\]]*)\])?$", f.meaning)
            items.append(flag_item(f._replace(meaning=meaning[1] + (". Default: " + meaning[2] if meaning[2] else ""))))
        made.append(listed(items))
    return "".join(made)


def bench_examples(b):
    return ".Bd -literal -offset indent\n" + "".join(plain(e) + "\n" for e in b.examples) + ".Ed\n"


PARTS = {"synopsis": synopsis, "options": options_of_all, "commands": commands, "config": config, "flags": bench_flags, "examples": bench_examples}


def filled(text, what, version, example):
    def part(m):
        make = PARTS[m.group(1)]
        return '.\\" told %s\n%s.\\" end\n' % (m.group(1), make(what, example) if make is config else make(what))
    text = re.sub(r'^\.\\" told (\w+)\n.*?^\.\\" end\n', part, text, flags=re.S | re.M)
    return re.sub(r"^\.Os.*$", ".Os statsd %s" % version, text, flags=re.M)
