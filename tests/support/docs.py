#!/usr/bin/python3
"""Keeps the documentation true: its tables are those of `statsd describe`, and its transcripts are what the commands print.

    docs.py STATSD            rewrite README.md and docs/*.md: what lies between <!-- describe X --> and <!-- end -->, transcripts, and the
                              line below a page's title that leads to the contents; the manual pages (manual.py) and the
                              completions of shells (completions.py)
    docs.py STATSD --check    exit status 1 and the difference, if anything is not as the binary has it

A transcript is a command `$ statsd` (or `$ build/statsd`) `explain`, `describe` or `check` of an indented block, and what stands behind it up
to the next command or the end of the block; a command behind which nothing stands is left alone.  What is made of statsd-bench is left as it
is where that is not beside STATSD.
"""
import difflib
import glob
import os
import re
import subprocess
import sys

import completions
import manual
import told

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CONTENTS = "docs/README.md"
BACK = "[Contents](README.md)\n"
TRANSCRIPT = r"^    \$ ((?:build/)?statsd (?:explain|describe|check) .*)\n(?:    (?!\$ ).*\n|\n+(?=    (?!\$ )))+"


def pages():
    """The files of documentation, as paths from TOP: those whose commands are run or have a reason not to be."""
    others = glob.glob(os.path.join(TOP, "contrib", "**", "README.md"), recursive=True) + glob.glob(os.path.join(TOP, "docs", "*.md"))
    return ["README.md", "CONTRIBUTING.md", "bench/README.md"] + sorted(os.path.relpath(p, TOP) for p in others)


def clean():
    return {k: v for k, v in os.environ.items() if not k.startswith("STATSD_")}


def output(statsd, words):
    return subprocess.run([statsd, *words], stdout=subprocess.PIPE, check=True, cwd=TOP, env=clean()).stdout.decode()


def led_back(page, text):
    """A page of the book with its way to the contents."""
    if not page.startswith("docs/") or page == CONTENTS or BACK in text:
        return text
    title, rest = text.split("\n", 1)
    return "%s\n\n%s\n%s" % (title, BACK, rest.lstrip("\n"))


def filled(text, statsd):
    def table(m):
        return "<!-- describe %s -->\n%s<!-- end -->" % (m.group(1), output(statsd, ["describe", m.group(1), "--markdown"]))
    text = re.sub(r"<!-- describe (\w+) -->\n.*?<!-- end -->", table, text, flags=re.S)

    def transcript(m):
        command = re.sub("^(build/)?statsd", '"$0"', m.group(1))
        shown = subprocess.run(["bash", "-c", command, statsd], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP, env=clean()).stdout.decode()
        return "    $ %s\n" % m.group(1) + "".join("    %s\n" % l if l else "\n" for l in shown.rstrip("\n").split("\n"))
    return re.sub(TRANSCRIPT, transcript, text, flags=re.M)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def made(statsd, read=read):
    """Path -> what the file should hold; read(path) is what it holds."""
    files = {page: filled(led_back(page, read(page)), statsd) for page in pages()}
    says = {"statsd": told.statsd_told(statsd)}
    if os.path.exists(statsd + "-bench"):
        says["statsd-bench"] = told.bench_told(statsd + "-bench")
    for page, program in manual.PAGES.items():
        if program in says:
            files[page] = manual.filled(read(page), says[program], says["statsd"].version, read("statsd.conf.example"))
    for path, program in completions.FILES.items():
        if program in says:
            files[path] = completions.filled(read(path), says[program])
    return files


def main(statsd, check=None):
    stale = 0
    for page, new in made(os.path.abspath(statsd)).items():
        path = os.path.join(TOP, page)
        old = read(page)
        stale += old != new
        if check == "--check":
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), page, "as it should be"))
        elif old != new:
            with open(path, "w", encoding="utf-8") as f:
                f.write(new)
            print("docs: %s is brought up to date" % page)
    return 1 if check == "--check" and stale else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
