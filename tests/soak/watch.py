"""What the process takes, second by second, and whether that is flat."""
import csv
import os
import re
import statistics
import threading
import time

RSS_SHARE, RSS_BYTES = 0.05, 2 << 20        # how much the memory of the last quarter may be above the first's
JUDGED_S = 90                                # of memory seen for less than that nothing is said
COLUMNS = ("elapsed_s", "pid", "rss_bytes", "fds", "threads", "samples_sent", "what")


def taken(pid):
    """(bytes in memory, descriptors, threads) of a process."""
    with open("/proc/%d/status" % pid) as f:
        text = f.read()
    return (int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024, len(os.listdir("/proc/%d/fd" % pid)),
            int(re.search(r"Threads:\s+(\d+)", text).group(1)))


class Watch(threading.Thread):
    """A row each second; `pid()`, `sent()` and `what()` say whose, and what was going on."""

    def __init__(self, pid, sent, what):
        super().__init__(daemon=True)
        self.pid, self.sent, self.what, self.rows, self.begun, self.over = pid, sent, what, [], time.monotonic(), threading.Event()

    def run(self):
        while not self.over.wait(1):
            pid = self.pid()
            try:
                self.rows.append((round(time.monotonic() - self.begun, 1), pid, *taken(pid), self.sent(), self.what()))
            except (OSError, AttributeError):      # it has just ended
                continue

    def write(self, path):
        with open(path, "w", newline="") as f:
            out = csv.writer(f)
            out.writerow(COLUMNS)
            out.writerows(self.rows)


def slope(points):
    """Of a line through (x, y), by least squares."""
    x, y = statistics.mean(p[0] for p in points), statistics.mean(p[1] for p in points)
    return sum((a - x) * (b - y) for a, b in points) / (sum((a - x) ** 2 for a, _ in points) or 1)


def memory(rows, warm_up):
    """(what is wrong or None, what was seen) of the memory of the last process, from warm_up seconds after its first row on."""
    mine = [r for r in rows if r[1] == rows[-1][1]] if rows else []
    seen = [(r[0], r[2]) for r in mine if r[0] >= mine[0][0] + warm_up]
    if not seen or seen[-1][0] - seen[0][0] < JUDGED_S:
        return None, "memory seen for less than %d s after its warm-up: nothing said of it" % JUDGED_S
    length = seen[-1][0] - seen[0][0]
    first = statistics.median(y for x, y in seen if x <= seen[0][0] + length / 4)
    last = statistics.median(y for x, y in seen if x >= seen[-1][0] - length / 4)
    rise, room = slope(seen) * length, first * RSS_SHARE + RSS_BYTES
    text = ("memory of %.0f s: median of the first quarter %.2f MB, of the last %.2f MB, fitted rise %.2f MB, at most %.2f MB allowed"
            % (length, first / 1e6, last / 1e6, rise / 1e6, room / 1e6))
    wrong = last - first > room or rise > room
    return ("memory grows: " + text if wrong else None), text


def chart(rows, width=90, height=12):
    """Text: the largest RSS of each column; a | below where another process begins."""
    if not rows:
        return ""
    end, columns, marks = rows[-1][0] + 1, [0] * width, [" "] * width
    for before, r in zip([rows[0], *rows], rows):
        at = int(r[0] / end * width)
        columns[at] = max(columns[at], r[2])
        if before[1] != r[1]:
            marks[at] = "|"
    for i in range(1, width):
        columns[i] = columns[i] or columns[i - 1]
    top = max(columns)
    lines = ["%7.1f MB %s" % (top * level / height / 1e6, "".join("#" if c > top * (level - 1) / height else " " for c in columns))
             for level in range(height, 0, -1)]
    return "\n".join([*lines, " " * 11 + "".join(marks), "%10d %s%d s" % (0, " " * (width - 8), end)]) + "\n"
