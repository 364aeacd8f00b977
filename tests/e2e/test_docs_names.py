"""Each command of this project that a page names, inline, in a cell of a table or in a block, names what is there (doc_names.py)."""
import functools
import os
import sys

import pytest

import harness
from harness import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import doc_commands  # noqa: E402
import doc_names  # noqa: E402
import docs  # noqa: E402

pytestmark = pytest.mark.plain
# (page, what is shown there, why it names what is not there)
NOT_THERE = [
    ("docs/api.md", "statsd is ready", "what the server answers"),
    ("docs/configuration.md", "statsd check --set server.intervall=5s", "a mistake, and what is said of it"),
    ("docs/migrating.md", "statsd --statsd.listen-udp=:9125", "another server's flag, and what is said of it"),
    ("docs/migrating.md", "statsd --flushInterval=10000", "another server's key, and what is said of it"),
]


@functools.lru_cache(maxsize=None)
def known():
    return doc_names.known(harness.STATSD, os.path.join(TOP, "Makefile"))


def shown(page):
    text = docs.read(page)
    return doc_names.inline(text) + [command for command, _ in doc_commands.commands(text)]


@pytest.mark.parametrize("page", docs.pages())
def test_every_command_that_a_page_names_is_there_with_its_flags_options_and_targets(page):
    excused = [what for where, what, _ in NOT_THERE if where == page]
    assert [(c, doc_names.wrong(c, known())) for c in shown(page) if c not in excused and doc_names.wrong(c, known())] == []


def test_what_a_page_names_and_is_not_there_is_still_on_its_page():
    assert [(page, what) for page, what, _ in NOT_THERE if what not in shown(page) or not doc_names.wrong(what, known())] == []


@pytest.mark.parametrize("program, least", [("statsd", 100), ("statsd-bench", 10), ("make", 80)])
def test_the_pages_name_many_commands_of_each_program(program, least):
    named = [words for page in docs.pages() for command in shown(page) for words in doc_names.simple(command)]
    assert len([words for words in named if len(words) > 1 and words[0].endswith(program)]) >= least


@pytest.mark.parametrize("text, want", [
    ("Text `statsd top` and `make\ndocs`.", ["statsd top", "make docs"]),
    ("| a | `statsd explain 'a:1\\|c'` |\n", ["statsd explain 'a:1|c'"]),
    ("an odd ` here\n\n`statsd tail`", ["statsd tail"]),
    ("<!-- describe flags -->\n`statsd x`\n<!-- end -->\n", []),
    ("```\n`statsd x`\n```\n", []),
])
def test_code_inline_is_found(text, want):
    assert doc_names.inline(text) == want


@pytest.mark.parametrize("command, want", [
    ("statsd", []),
    ("statsd -c FILE --set http.listen=0.0.0.0:9102 --takeover", []),
    ("build/statsd redis top --by=sum -n 5", []),
    ("statsd redis", []),
    ("A=1 sudo statsd top --once", []),
    ("setpriv --reuid=x statsd check", []),
    ("statsd convert statsd_exporter -- --their.flag=1", []),
    ("statsd describe server.interval", []),
    ("statsd COMMAND --help", []),
    ("statsd check --test /dev/stdin <<< '- {name: x}'", []),
    ("statsd explain 'x:1|c|#a:b' | grep -q --nothing x", []),
    ("systemctl restart statsd", []),
    ("statsd-bench --web --rate 10k        # and --nothing", []),
    ("make chaos SEED=7 T=2m", []),
    ("make build/tests/unit/base/test_buf && build/tests/x --nothing", []),
    ("make deps     installs every package", []),
    ("statsd explane x", ["no command explane"]),
    ("statsd redis gets x", ["no command redis gets"]),
    ("statsd --takover", ["statsd has no --takover"]),
    ("statsd top --all", ["statsd top has no --all"]),
    ("statsd explain --once x", ["statsd explain has no --once"]),      # another command's
    ("statsd tail -c FILE", ["statsd tail has no -c"]),
    ("curl x && A=1 statsd top --all", ["statsd top has no --all"]),
    ("sudo statsd --daemon", ["statsd has no --daemon"]),
    ("setpriv --reuid=x statsd chek", ["no command chek"]),
    ("statsd check --set server.intervall=5s", ["no option server.intervall"]),
    ("statsd check --set=server.intervall=5s", ["no option server.intervall"]),
    ("statsd describe server.intervall", ["nothing to describe: server.intervall"]),
    ("statsd describe options --mark", ["statsd describe has no --mark"]),
    ("statsd-bench --speed 5", ["statsd-bench has no --speed"]),
    ("statsd-bench --rate 5 \\\n   --speed 5", ["statsd-bench has no --speed"]),
    ("make kaos", ["no target kaos"]),
    ("make docs benches", ["no target benches"]),
    ("make chaos SEEDS=7", ["make reads no SEEDS"]),
])
def test_what_is_not_there_is_told(command, want):
    if "statsd-bench" in command and known().bench is None:
        pytest.skip("no statsd-bench")
    assert doc_names.wrong(command, known()) == want
