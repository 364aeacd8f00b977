"""Several runs of pytest at a time over the same tests: each takes the next file that no other has.  tests/support/suite.sh starts them.

E2E_TURNS is a folder that they share: who can make a file of the name there has the test file.  E2E_ALONE: "no" leaves out what is
marked `alone`, "only" leaves out the rest.  E2E_SAN: the sanitizers of this build; what is marked `plain` is left out then, and
what is marked `command` or `answers` under that of threads.
"""
import os

import pytest

MARKS = ("alone: measures what other tests would disturb; runs when they are over",
         "prometheus: waits for a real Prometheus more than for the server",
         "plain: hardly runs the server, so that a sanitizer has nothing to see",
         "command: of a command with one thread, so that ThreadSanitizer has nothing to see",
         "answers: what becomes of lines of each kind, by the same steps of the same threads: ThreadSanitizer sees them elsewhere")
UNSEEN = {"plain": "", "command": "thread", "answers": "thread"}   # by which sanitizer; "": by any


def pytest_configure(config):
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def is_left_out(item):
    alone = item.get_closest_marker("alone") is not None
    sanitizers = os.environ.get("E2E_SAN", "")
    if sanitizers and any(item.get_closest_marker(mark) and by in sanitizers for mark, by in UNSEEN.items()):
        return True
    return alone == (os.environ["E2E_ALONE"] == "no") if os.environ.get("E2E_ALONE") else False


def pytest_collection_modifyitems(config, items):
    out = [item for item in items if is_left_out(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


class Turns:
    """mine(file): whether this run has it; asked once, the first who asks."""

    def __init__(self, folder):
        self.folder, self.known = folder, {}

    def mine(self, path):
        if path not in self.known:
            try:
                os.close(os.open(os.path.join(self.folder, os.path.basename(path)), os.O_CREAT | os.O_EXCL))
                self.known[path] = True
            except FileExistsError:
                self.known[path] = False
        return self.known[path]


TURNS = Turns(os.environ["E2E_TURNS"]) if os.environ.get("E2E_TURNS") else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """True: nothing more is done for this test here."""
    return True if TURNS and not TURNS.mine(str(item.fspath)) else None
