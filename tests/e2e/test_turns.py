"""Several runs of pytest over the same tests have each test once (turns.py)."""
import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.plain
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = """import os, pytest, time
@pytest.fixture(scope="module")
def shared():
    yield 1
    note("end of the module")
def note(what):
    with open(os.environ["NOTES"], "a") as f:
        f.write("%s %s %d\\n" % (os.path.basename(__file__), what, os.getpid()))
@pytest.mark.parametrize("nth", range(3))
def test_one(shared, nth):
    note(nth)
    time.sleep(0.02)
@pytest.mark.alone
def test_alone(shared):
    note("alone")
@pytest.mark.plain
def test_plain():
    note("plain")
@pytest.mark.command
def test_command():
    note("command")
"""
FILES = ["test_%d.py" % i for i in range(6)]


@pytest.fixture
def tests(tmp_path):
    (tmp_path / "turns").mkdir()
    (tmp_path / "tests").mkdir()
    for name in FILES:
        (tmp_path / "tests" / name).write_text(TESTS)

    def start(**env):
        env = {"NOTES": str(tmp_path / "notes"), "PYTHONPATH": HERE, "PYTHONDONTWRITEBYTECODE": "1", **env}
        own = {k: v for k, v in os.environ.items() if not k.startswith("E2E_")}
        return subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "turns", str(tmp_path / "tests")],
                                env={**own, **env}, stdout=subprocess.PIPE, text=True)
    start.turns = str(tmp_path / "turns")
    start.notes = lambda: [line.rsplit(" ", 1) for line in (tmp_path / "notes").read_text().splitlines()]
    return start


def passed(run):
    text = run.communicate(timeout=60)[0]
    assert run.returncode == 0, text
    return sum(map(int, re.findall(r"(\d+) passed", text.splitlines()[-1])))


def test_each_test_runs_once_and_those_of_a_file_in_one_process(tests):
    runs = [tests(E2E_TURNS=tests.turns, E2E_ALONE="no") for _ in range(3)]
    assert sum(map(passed, runs)) == len(FILES) * 5
    notes = tests.notes()
    assert sorted(what for what, _ in notes) == sorted(
        "%s %s" % (name, what) for name in FILES for what in (0, 1, 2, "plain", "command", "end of the module"))
    for name in FILES:
        assert len({pid for what, pid in notes if what.startswith(name)}) == 1


@pytest.mark.parametrize("env,count", [({}, 6), ({"E2E_ALONE": "no"}, 5), ({"E2E_ALONE": "only"}, 1), ({"E2E_SAN": "thread"}, 4),
                                       ({"E2E_SAN": "address,undefined"}, 5), ({"E2E_SAN": "thread", "E2E_ALONE": "no"}, 3)])
def test_marks_say_what_is_left_out(tests, env, count):
    assert passed(tests(**env)) == len(FILES) * count
