"""Completions of shells, contrib/completions/: what lies between "# told X" and "# end" is made of what the binaries tell (told.py).

bash, zsh and fish each get the same: commands, flags, words of flags, section.key= of --set and its words, files where files go,
tables and options of describe, servers of convert.
"""
import re

import told

FILES = {"contrib/completions/" + name: program for program in ("statsd", "statsd-bench")
         for name in (program + ".bash", "_" + program, program + ".fish")}
FIRST = ("describe", "convert")       # commands whose first argument is a word of their usage
TAKE_FILES = ("convert", "replay")    # commands whose other arguments are files


def programs(t):
    """ "" for the server itself, and each command """
    return [("", flags_of(t, "statsd"))] + [(name, flags_of(t, name)) for name in told.names_of(t.commands)]


def flags_of(t, command):
    return [f for f in t.flags if command in f.takers]


def valued(t):
    """Names and letters of flags that have a value."""
    return sorted({n for f in t.flags if f.value for n in names(f)})


def names(flag):
    return [n for n in (flag.letter, flag.name) if n]


def heads(t):
    """The first word of each command -> what it is for."""
    about = {}
    for c in t.commands:
        head, *part = c.name.split()
        if head != "statsd":
            about.setdefault(head, "what all servers have written to Redis" if part else brief(c.meaning))
    return about


def parts(t):
    """The second words of redis -> what each is for."""
    return {c.name.split()[1]: brief(c.meaning) for c in t.commands if " " in c.name}


def first_words(t, command):
    """What the first argument may be: the tables of describe, and its options, too."""
    usage = next(c.usage for c in t.commands if c.name == command)
    return told.words_of(usage.split()[2]) + ([o.name for o in t.options] if command == "describe" else [])


def brief(meaning):
    """The beginning of a meaning: a list has little room."""
    text = re.split(r"; |: |, else|\. ", re.sub(r" \([^)]*\)", "", meaning))[0].rstrip(".").replace("'", "")
    return text if len(text) <= 80 else text[:text.rindex(" ", 0, 78)].rstrip(",") + " ..."


def settings(t):
    """Words of a value -> the options whose value is one of them; "" for those whose value is a file."""
    groups = {}
    for o in t.options:
        words = told.option_words(o)
        if words or told.option_is_file(o):
            groups.setdefault(" ".join(words), []).append(o.name)
    return groups


# bash

def lists(t):
    return ["_statsd_options='%s'" % "\n    ".join(o.name + "=" for o in t.options), "_statsd_valued='%s'" % " ".join(valued(t))]


def bash_settings(t):
    return ['%s) _statsd_%s "$1${2%%%%=*}=" "${2#*=}" ;;' % (" | ".join(n + "=*" for n in options), "reply '%s'" % words if words else "files")
            for words, options in settings(t).items()]


def values(t):
    lines = []
    for command, flags in programs(t):
        for f in flags:
            which = " | ".join('"%s,%s"' % (command, n) for n in names(f))
            if told.is_file(f.value):
                lines.append('%s) _statsd_files "$2" "$3" ;;' % which)
            elif told.words_of(f.value):
                lines.append("%s) _statsd_reply '%s' \"$2\" \"$3\" ;;" % (which, " ".join(told.words_of(f.value))))
    return lines


def flags(t):
    return ["'%s') flags='%s' ;;" % (command, " ".join(f.name for f in its)) for command, its in programs(t)] + ["*) flags='--help' ;;"]


def arguments(t):
    return (["'',0) _statsd_reply '%s' '' \"$current\" ;;" % " ".join(heads(t)), "redis,0) _statsd_reply '%s' '' \"$current\" ;;" % " ".join(parts(t))]
            + ["%s,0) _statsd_reply '%s' '' \"$current\" ;;" % (c, " ".join(first_words(t, c))) for c in FIRST]
            + ["%s) _statsd_files '' \"$current\" ;;" % " | ".join(c + ",*" for c in TAKE_FILES)])


def bench_all(b):
    return [f for flags in b.sections.values() for f in flags]


def bench_words(flag):
    """Words that a value may be, where the text says them."""
    return {"--framing": ["line", "dsd"], "--shape": ["constant", "ramp", "steps", "spike", "sine"]}.get(flag.name, [])


def or_file(flag, text):
    """text, where a file may stand in place of the words."""
    return text if " or a CSV file" in flag.meaning else ""


def bench_values(b):
    lines = []
    for f in bench_all(b):
        assert all(word in f.meaning for word in bench_words(f)), f
        if bench_words(f):
            lines.append("%s) words='%s'%s ;;" % (f.name, " ".join(bench_words(f)), or_file(f, "; compopt -o default 2>/dev/null")))
    files = [f.name for f in bench_all(b) if told.is_file(f.value)]
    rest = [f.name for f in bench_all(b) if f.value and f.value[0] != "[" and f.name not in files and not bench_words(f)]
    return lines + ["%s) compopt -o default 2>/dev/null ;;" % " | ".join(files), "%s) ;;" % " | ".join(rest)]


def bench_flags(b):
    return ["words='%s'" % " ".join(f.name for f in bench_all(b))]


# zsh

def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def zsh_action(f, words=None):
    if f.name == "--set":
        return "_statsd_set"
    words = words or told.words_of(f.value)
    if words and or_file(f, "yes"):
        return '{_alternative "words\\:word\\:(%s)" "files\\:file\\:_files"}' % " ".join(words)
    return "_files" if told.is_file(f.value) else "(%s)" % " ".join(words) if words else " "


def zsh_specs(flags, words=None):
    """Arguments of _arguments: a flag may be given once, --set again and again."""
    specs = []
    for f in flags:
        action = ":%s:%s" % (zsh_text(f.value.lower().strip("[]").replace("|", " or ")), zsh_action(f, words and words(f))) if f.value else ""
        optional = ":" if f.value.startswith("[") else ""
        other = "*" if f.name == "--set" else "(%s)" % " ".join(names(f))
        for n in names(f):
            equals = "=" if f.value and n.startswith("--") else ""
            specs.append("'%s%s%s[%s]%s%s'" % (other, n, equals, zsh_text(brief(f.meaning)), optional and action and ":", action))
    return specs


def arguments_call(specs, indent=""):
    return [indent + "_arguments -s -S \\"] + [indent + "    %s%s" % (s, " \\" if s is not specs[-1] else "") for s in specs]


def zsh_options(t):
    return ["settings=("] + ["    '%s:%s'" % (o.name, zsh_text(brief(o.meaning))) for o in t.options] + [")"]


def zsh_settings(t):
    return ["(%s) %s ;;" % ("|".join(options), "compadd -- " + words if words else "_files") for words, options in settings(t).items()]


def zsh_case(t, commands, rest):
    """A case for each command: its flags, and what else it takes."""
    lines = []
    for name in commands:
        its = zsh_specs(flags_of(t, name))
        word = name.split()[-1]
        if word in FIRST and name == word:
            its += ["'1:what:(%s)'" % " ".join(first_words(t, name))]
        its += ["'*:file:_files'"] if name in TAKE_FILES else []
        lines += ["    (%s)" % word] + arguments_call(its, "        ") + ["        ;;"]
    return lines + rest


def zsh_main(own, about, cases):
    specs = own + ["'1: :->first'", "'*:: :->rest'"]
    first = arguments_call(specs)
    first[0] = first[0].replace("_arguments", "_arguments -C")
    return (first + ["case $state in", "(first)", "    commands=("] + ["        '%s:%s'" % (k, zsh_text(v)) for k, v in about.items()]
            + ["    )", "    _describe -t commands command commands", "    ;;", "(rest)", "    case $line[1] in"] + cases + ["    esac", "    ;;", "esac"])


def zsh_commands(t):
    plain = [n for n in told.names_of(t.commands) if " " not in n]
    return zsh_main(zsh_specs(flags_of(t, "statsd")), heads(t), zsh_case(t, plain, ["    (redis) _statsd_redis ;;"]))


def zsh_redis(t):
    of_all = [f for f in t.flags if all("redis " + p in f.takers for p in parts(t))]
    return ["local -a commands"] + zsh_main(zsh_specs(of_all), parts(t), zsh_case(t, ["redis " + p for p in parts(t)], []))


def zsh_bench(b):
    return arguments_call(zsh_specs(bench_all(b), bench_words))


# fish

def fish_valued(t):
    return ["set -l valued %s" % " ".join(valued(t))]


def fish_settings(t):
    lines = []
    for words, options in settings(t).items():
        lines.append("case %s" % " ".join("'%s=*'" % o for o in options))
        lines.append("    printf '%%s\\n' $name=%s" % ("{%s}" % words.replace(" ", ",") if words else "(__fish_complete_path (string split -m 1 = -- $typed)[2])"))
    return lines


def fish_options(t):
    return ["printf '%s\\n' \\"] + ["    %s=\\t'%s'%s" % (o.name, brief(o.meaning), " \\" if o is not t.options[-1] else "") for o in t.options]


def fish_flag(program, f, condition="", words=None):
    words = words or told.words_of(f.value)
    letter = " -s " + f.letter[1:] if f.letter else ""
    value = ""
    if f.name == "--set":
        value = " -x -a '(__statsd_settings)'"
    elif told.is_file(f.value):
        value = " -r -F"
    elif f.value and f.value[0] != "[":
        value = (or_file(f, " -r -F") or " -x") + (" -a '%s'" % " ".join(words) if words else "")
    return "complete -c %s%s%s -l %s%s -d '%s'" % (program, condition, letter, f.name[2:], value, brief(f.meaning))


def fish_flags(t):
    lines = ["complete -c statsd -n '__statsd_is \"\"' -a %s -d '%s'" % item for item in heads(t).items()]
    lines += ["complete -c statsd -n '__statsd_is redis' -a %s -d '%s'" % item for item in parts(t).items()]
    for command in FIRST:
        lines.append("complete -c statsd -n '__statsd_is %s' -a '%s'" % (command, " ".join(first_words(t, command))))
    lines.append("complete -c statsd -n '__statsd_is %s' -F" % " ".join(TAKE_FILES))
    for f in t.flags:
        takers = " ".join('""' if taker == "statsd" else '"%s"' % taker for taker in f.takers)
        lines.append(fish_flag("statsd", f, " -n '__statsd_is %s'" % takers))
    return lines


def fish_bench(b):
    return [fish_flag("statsd-bench", f, words=bench_words(f)) for f in bench_all(b)]


PARTS = {p.__name__: p for p in (lists, bash_settings, values, flags, arguments, bench_values, bench_flags,
                                 zsh_options, zsh_settings, zsh_commands, zsh_redis, zsh_bench,
                                 fish_valued, fish_settings, fish_options, fish_flags, fish_bench)}


def filled(text, what):
    def part(m):
        lines = "\n".join(PARTS[m.group(2)](what)).split("\n")
        return "".join("%s%s\n" % (m.group(1), line) for line in ["# told " + m.group(2), *lines, "# end"])
    return re.sub(r"^( *)# told (\w+)\n.*?^ *# end\n", part, text, flags=re.S | re.M)
