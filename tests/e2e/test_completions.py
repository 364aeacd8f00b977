"""The completions of shells, in the shells: a line is typed, TAB is pressed, and what stands there then is read."""
import os
import pty
import select
import shutil
import subprocess

import pytest

from harness import TOP, wait_for

pytestmark = pytest.mark.plain
SCRIPTS = os.path.join(TOP, "contrib", "completions")

# What is typed, and what TAB makes of it.  HERE is a folder with web.yml and capture.pcap, where the shell is.
LINES = [
    ("statsd che", "statsd check "),
    ("statsd --takeo", "statsd --takeover "),
    ("statsd redis ran", "statsd redis range "),
    ("statsd -c web.yml --set redis.url=redis://a redis ge", "statsd -c web.yml --set redis.url=redis://a redis get "),
    ("statsd redis top --by cou", "statsd redis top --by count "),
    ("statsd top --by send", "statsd top --by sender "),
    ("statsd redis range --st", "statsd redis range --step "),
    ("statsd redis get --st", "statsd redis get --st"),
    ("statsd check --js", "statsd check --js"),
    ("statsd explain --framing li", "statsd explain --framing line "),
    ("statsd replay --speed m", "statsd replay --speed max "),
    ("statsd --set server.log_f", "statsd --set server.log_format="),
    ("statsd --set server.log_level=de", "statsd --set server.log_level=debug "),
    ("statsd check --set protocol.log_rejected=of", "statsd check --set protocol.log_rejected=off "),
    ("statsd --set=server.sandbox=ki", "statsd --set=server.sandbox=kill "),
    ("statsd --set http.web_config=HERE/we", "statsd --set http.web_config=HERE/web.yml "),
    ("statsd -c we", "statsd -c web.yml "),
    ("statsd check --config we", "statsd check --config web.yml "),
    ("statsd describe syscal", "statsd describe syscalls "),
    ("statsd describe aggregate.sketch_s", "statsd describe aggregate.sketch_schema "),
    ("statsd convert bru", "statsd convert brubeck "),
    ("statsd convert brubeck we", "statsd convert brubeck web.yml "),
    ("statsd replay --dry-run cap", "statsd replay --dry-run capture.pcap "),
    ("true; STATE=on statsd -c 'a b' che", "true; STATE=on statsd -c 'a b' check "),
    ("statsd-bench --rate-t", "statsd-bench --rate-to "),
    ("statsd-bench --shape spi", "statsd-bench --shape spike "),
    ("statsd-bench --shape capt", "statsd-bench --shape capture.pcap "),
    ("statsd-bench --framing=ds", "statsd-bench --framing=dsd "),
    ("statsd-bench --json we", "statsd-bench --json web.yml "),
]

BASH = """
for script in statsd statsd-bench; do source SCRIPTS/$script.bash; done
bind 'set bell-style none'
show() { printf %s "$READLINE_LINE" >OUT; READLINE_LINE=; mv OUT SHOWN; }
bind -x '"\\C-x\\C-p": show'
PS1='$ '
"""
BASH_WHOLE = BASH + "COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]/}\n"     # as some have it in their .bashrc
ZSH = """
fpath=(SCRIPTS $fpath)
autoload -Uz compinit
compinit -u -d HERE/dump
show() { print -rn -- "$BUFFER" >OUT; BUFFER=; mv OUT SHOWN }
zle -N show
bindkey '^X^P' show
unsetopt beep
PS1='$ '
"""


class Shell:
    """On a terminal of its own."""

    def __init__(self, name, here):
        self.here, self.shown = str(here), str(here / "shown")
        (here / "web.yml").touch()
        (here / "capture.pcap").touch()
        rc = here / (".zshrc" if name == "zsh" else ".rc")
        text = {"zsh": ZSH, "bash": BASH, "bash with whole words": BASH_WHOLE}[name]
        for word, path in (("SCRIPTS", SCRIPTS), ("HERE", here), ("OUT", here / "out"), ("SHOWN", self.shown)):
            text = text.replace(word, str(path))
        rc.write_text(text)
        argv = ["zsh", "-d", "-i"] if name == "zsh" else ["bash", "--noprofile", "--rcfile", str(rc), "-i"]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.here)
            os.execvpe(argv[0], argv, {"PATH": os.environ["PATH"], "HOME": self.here, "ZDOTDIR": self.here, "TERM": "dumb", "LC_ALL": "C.UTF-8"})

        seen = []
        wait_for(lambda: seen.append(self.read()) or b"$ " in b"".join(seen), "the prompt of %s" % name, every=0.01)

    def read(self):
        """What the terminal shows must be read, or the shell waits."""
        shown = b""
        while select.select([self.fd], [], [], 0)[0]:
            shown += os.read(self.fd, 65536)
        return shown

    def tab(self, line):
        os.write(self.fd, line.replace("HERE", self.here).encode() + b"\t\x18\x10")
        wait_for(lambda: (self.read(), os.path.exists(self.shown))[1], "what stands there", every=0.01)
        with open(self.shown, encoding="utf-8") as f:
            got = f.read()
        os.remove(self.shown)
        return got.replace(self.here, "HERE")

    def end(self):
        os.close(self.fd)     # hangs up
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("name", ["bash", "bash with whole words", "zsh"])
def test_tab_completes_what_was_begun(name, tmp_path):
    if not shutil.which(name.split()[0]):
        pytest.skip("no " + name)
    shell = Shell(name, tmp_path)
    try:
        got = [(line, shell.tab(line)) for line, _ in LINES]
    finally:
        shell.end()
    # zsh puts "=" behind a flag that takes a value, and takes it away again when a blank comes.
    want = [(line, made[:-1] + "=" if name == "zsh" and line.endswith(("--st", "--rate-t")) and made != line else made) for line, made in LINES]
    assert [pair for pair in got if pair not in want] == []


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish_completes_the_same(tmp_path):
    (tmp_path / "web.yml").touch()
    (tmp_path / "capture.pcap").touch()
    lines = [line for line, _ in LINES if "'" not in line]
    asks = "\n".join("echo '> %s'; complete -C '%s'" % (line, line.replace("HERE", str(tmp_path))) for line in lines)
    script = "for s in statsd statsd-bench; source %s/$s.fish; end\n%s\n" % (SCRIPTS, asks)
    said = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True,
                          env={**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    assert said.stderr == ""
    got = []
    for line, answers in (part.partition("\n")[::2] for part in said.stdout.split("> ")[1:]):
        words = [answer.split("\t")[0].replace(str(tmp_path), "HERE") for answer in answers.splitlines()]
        begun = line.rsplit(" ", 1)[0]
        end = "" if words and words[0].endswith("=") else " "
        got.append((line, "%s %s%s" % (begun, words[0], end) if len(words) == 1 else line if not words else words))
    assert len(got) == len(lines) and [pair for pair in got if pair not in LINES] == []


@pytest.mark.parametrize("shell, script", [("bash", "statsd.bash"), ("bash", "statsd-bench.bash"), ("zsh", "_statsd"), ("zsh", "_statsd-bench"),
                                           ("fish", "statsd.fish"), ("fish", "statsd-bench.fish")])
def test_a_script_can_be_read(shell, script):
    if not shutil.which(shell):
        pytest.skip("no " + shell)
    got = subprocess.run([shell, "-n", os.path.join(SCRIPTS, script)], capture_output=True, text=True)
    assert (got.returncode, got.stderr) == (0, "")
