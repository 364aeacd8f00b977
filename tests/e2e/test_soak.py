"""The soak (tests/soak/): what it judges by, and a short one of all its parts."""
import copy
import os
import random
import subprocess
import sys
import time

import pytest

import harness
from harness import TOP

SOAK = os.path.join(TOP, "tests", "soak")
sys.path.append(SOAK)

import ledger  # noqa: E402
import lines  # noqa: E402
import watch  # noqa: E402


def rows(rss, pid=lambda t: 1):
    return [(t, pid(t), int(rss(t)), 50, 9, 0, "load") for t in range(600)]


MB = 1e6
MEMORY = {
    "flat": (lambda t: 30 * MB, False),
    "flat after a warm-up": (lambda t: 30 * MB - max(0, 60 - t) * 0.2 * MB, False),
    "up and down": (lambda t: 30 * MB + t % 20 * 0.5 * MB, False),
    "one peak": (lambda t: (90 if 300 < t < 310 else 30) * MB, False),
    "ten bytes a line of a thousand a second": (lambda t: 30 * MB + t * 10000, True),
    "all at once in the end": (lambda t: (30 if t < 450 else 40) * MB, True),
    "falls": (lambda t: 60 * MB - t * 20000, False),
}


@pytest.mark.parametrize("case", MEMORY)
def test_memory_that_grows_is_told_from_memory_that_is_flat(case):
    rss, grows = MEMORY[case]
    wrong, text = watch.memory(rows(rss), warm_up=60)
    assert bool(wrong) == grows, text


def test_memory_is_that_of_the_last_process_and_has_to_be_seen_for_a_while():
    wrong, _ = watch.memory(rows(lambda t: (10 if t < 300 else 30) * MB, pid=lambda t: 1 if t < 300 else 2), warm_up=60)
    assert not wrong
    wrong, text = watch.memory(rows(lambda t: t * MB)[:150], warm_up=60)
    assert not wrong and "nothing said" in text
    assert watch.memory([], warm_up=60)[0] is None


def test_the_chart_has_a_column_for_each_while_and_marks_other_processes():
    text = watch.chart(rows(lambda t: (10 if t < 300 else 30) * MB, pid=lambda t: 1 if t < 300 else 2), width=20, height=3).splitlines()
    assert [line.split("MB ")[-1] for line in text[:3]] == [" " * 10 + "#" * 10, " " * 10 + "#" * 10, "#" * 20]
    assert text[3].strip() == "|" and text[0].startswith("   30.0 MB")
    assert watch.chart([]) == ""


def told(seed):
    """(the page, the sums) of a server without a mapping that was told some of each kind of line."""
    sums, mine = lines.Sums(), lines.Lines(random.Random(seed), "here", ordered=True)
    with harness.Server() as s:
        for _ in range(60):
            s.send(b"\n".join(mine.block(20, sums)))
            sums.n["datagrams"] += 1
        page = s.wait_self("statsd_samples_read_total", sums.n["samples"])
    sums.n["dropped"] = 0        # as no rule drops any, and none makes a histogram
    for key in [k for k in sums.timers if k[0].startswith("soak.hist")]:
        sums.forget(key)
    return page, sums


@pytest.fixture(scope="module")
def page_and_sums():
    return told(1)


def test_lines_and_their_sums_agree_with_the_server(page_and_sums):
    ledger.on_the_page(*page_and_sums, time.monotonic())


TABLES = ("counters", "timers", "timer_ms", "changes", "levels", "rejected", "n")


@pytest.mark.parametrize("table,key", [*((t, None) for t in TABLES), *(("n", k) for k in lines.COUNTS)])
def test_one_unit_more_than_was_sent_is_seen(page_and_sums, table, key):
    page, sums = page_and_sums
    sums = copy.deepcopy(sums)
    counted = getattr(sums, table)
    counted[key or next(k for k in counted if not k[0].startswith(ledger.MOVED))] += 1
    with pytest.raises(ledger.Unlike):
        ledger.on_the_page(page, sums, time.monotonic())


@pytest.mark.parametrize("words", [["soon"], ["5x"], [""]])
def test_a_time_that_is_none_is_told(words):
    got = subprocess.run([sys.executable, os.path.join(SOAK, "soak.py"), *words], capture_output=True, text=True)
    assert got.returncode != 0 and "a time is a number and s, m or h" in got.stdout + got.stderr


@pytest.mark.long
def test_twenty_seconds_of_it(tmp_path):
    got = subprocess.run([sys.executable, os.path.join(SOAK, "soak.py"), "20s", "1"], capture_output=True, text=True,
                         env={**os.environ, "STATSD_BIN": harness.STATSD, "OUT": str(tmp_path)})
    assert got.returncode == 0, got.stdout[-3000:] + got.stderr[-3000:]
    assert got.stdout.splitlines()[-1].startswith("soak: ok: ")
    assert (tmp_path / "rss.csv").read_text().startswith("elapsed_s,pid,rss_bytes,fds,threads,")
