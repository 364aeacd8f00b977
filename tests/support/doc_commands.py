"""The shell commands that the pages of documentation show, with what they are said to print.

A command is a line of a code block that begins with `$ `, or one whose first word is in PROGRAMS where the block has no `$ `.  It goes on
in the next line behind a backslash, inside quotes and up to the end of a here-document.  Other lines behind a `$ ` command are what it prints.
"""
import re
import shlex

PROGRAMS = set("""apt apt-get apt-cache bash build/statsd build/statsd-bench buildah cd cp chgrp chmod chown curl docker dpkg dpkg-buildpackage for
    git grep gunicorn htpasswd install journalctl kubectl ln make mkdir mmdebstrap mv nc openssl podman podman-compose printf prometheus promtool ps
    python3 redis-cli rm sed setpriv ssh statsd statsd-bench sudo sysctl systemctl systemd-analyze systemd-sysusers tail tcpdump tee uwsgi-core valgrind wget zcat""".split())
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def blocks(text):
    """Each code block, as its lines without the indent; whatever stands between describe and end is the binary's."""
    text = re.sub(r"<!-- describe .*?<!-- end -->", "", text, flags=re.S)
    fenced = re.compile(r"^( *)```[^\n]*\n(.*?)^\1```$", flags=re.M | re.S)
    found = [(m.start(), [l[len(m.group(1)):] for l in m.group(2).splitlines()]) for m in fenced.finditer(text)]
    rest = fenced.sub(lambda m: re.sub(r"[^\n]", "x", m.group()), text)
    lines, at, block, began = rest.splitlines(True), 0, [], 0
    for i, line in enumerate(lines + ["end\n"]):
        # A list item's own block is indented by more; what is indented by less than four, or follows a list's text, is no code.
        indented = re.match(r" {4,}\S", line) is not None
        if indented and (block or i == 0 or not lines[i - 1].strip()):
            began = began if block else at
            block.append(line)
        elif block and not line.strip():
            block.append(line)
        else:
            if block:
                found.append((began, unindented(block)))
            block = []
        at += len(line)
    return [b for _, b in sorted(found)]


def unindented(lines):
    least = min(len(l) - len(l.lstrip(" ")) for l in lines if l.strip())
    out = [l[least:].rstrip("\n") for l in lines]
    while out and not out[-1]:
        out.pop()
    return out


def first_word(command):
    for word in command.lstrip("( ").split():
        if not ASSIGNMENT.match(word):
            return word
    return ""


def is_whole(command):
    """Whether the shell would not ask for more."""
    heredoc = re.search(r"<<-?\s*'?(\w+)'?$", command.split("\n")[0])
    if heredoc:
        return command.split("\n")[-1] == heredoc.group(1)
    if command.endswith("\\"):
        return False
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def commands(text):
    """[(command, [line that it prints, ...]), ...] of a page."""
    found = []
    for block in blocks(text):
        told = any(l.startswith("$ ") for l in block)
        open_, prints = False, False
        for line in block:
            if open_:
                found[-1][0] += "\n" + line
            elif line.startswith("$ "):
                found.append([line[2:], []])
                prints = True
            elif not told and first_word(line) in PROGRAMS:
                found.append([line, []])
                prints = False
            else:
                if prints:
                    found[-1][1].append(line)
                continue
            open_ = not is_whole(found[-1][0])
    return [(command, prints[:-1] if prints and not prints[-1] else prints) for command, prints in found]
