"""What the binaries tell of themselves, for the manual and the completions: `statsd describe`, `statsd-bench --help`."""
import collections
import os
import re
import subprocess

Option = collections.namedtuple("Option", "name environment default kind limits meaning")
Command = collections.namedtuple("Command", "name usage meaning")
Flag = collections.namedtuple("Flag", "name letter value takers meaning")
Told = collections.namedtuple("Told", "version options commands flags")
Bench = collections.namedtuple("Bench", "sections examples")       # sections: heading -> its flags


def output(program, *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith("STATSD_")}
    return subprocess.run([program, *words], stdout=subprocess.PIPE, check=True, env=env).stdout.decode()


def table(statsd, name):
    """The rows of `describe NAME`, as lists of cells."""
    rows = output(statsd, "describe", name, "--markdown").splitlines()[2:]
    cells = [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]
    return [[re.sub(r"\\([|*<])", r"\1", c.strip()) if i else c.strip(" `") for i, c in enumerate(row)] for row in cells]


def statsd_told(statsd):
    flags = [Flag(*row[:3], row[3].split(", "), row[4]) for row in table(statsd, "flags")]
    return Told(output(statsd, "--version").split()[1], [Option(*row) for row in table(statsd, "options")],
                [Command(*row) for row in table(statsd, "commands")], flags)


def bench_told(bench):
    sections, examples, heading = {}, [], None
    for line in output(bench, "--help").splitlines():
        flag = re.match(r"  (--[a-z-]+)(?: (\[?[A-Z]+\]?))? +(.*)", line)
        if flag:
            sections.setdefault(heading, []).append(Flag(flag[1], "", flag[2] or "", [], flag[3]))
        elif line.startswith("  statsd-bench "):
            examples.append(line.strip())
        elif line and line[0] != " ":
            heading = line
    return Bench(sections, examples)


def names_of(commands):
    """Each command once, the server itself left out."""
    return [name for name in dict.fromkeys(c.name for c in commands) if name != "statsd"]


def words_of(value):
    """The words of a value that are meant as they stand: "N|forever" has one."""
    return re.findall(r"(?<![^|])[a-z_0-9]+(?![^|])", value)


def is_file(value):
    return value == "FILE"


def option_words(option):
    return option.limits.split("|") if option.kind in ("word", "list of words") else ["on", "off"] if option.kind == "on|off" else []


def option_is_file(option):
    return option.kind == "text" and bool(re.match(r"(\S+ ){0,3}(file|folder|path)\b", option.meaning, flags=re.I)
                                          or option.name.endswith("_file"))
