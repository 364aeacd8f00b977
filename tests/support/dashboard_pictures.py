#!/usr/bin/python3
"""docs/images/dashboard-*.png: the panels of contrib/grafana/, drawn from the answers of a real Prometheus.  `make screenshots`

    dashboard_pictures.py [FOLDER]

Two servers, Redis and a third server get the requests of a small shop, now and then a line that is wrong, for half a minute; then each
panel's own query is asked, and its answer drawn where the panel lies.  It looks like Grafana only as far as the layout goes.
"""
import math
import os
import sys
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(TOP, "tests", "e2e"), os.path.join(TOP, "tests", "support")]

import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator  # noqa: E402

import dashboards  # noqa: E402
import harness  # noqa: E402
from dashboard_rig import rig  # noqa: E402

SECONDS, DPI, COLUMN, LINE = 40, 90, 0.62, 0.36     # of load; dots, and inches of a column and of a line of the grid
COLORS = ["#4c9f50", "#d9a400", "#3b7dd8", "#e06c2b", "#c0392b", "#7a5bb5", "#2aa198", "#8d6e63", "#5c6b73", "#b8478f"]
TEXT, FAINT, EDGE, BACK = "#24292f", "#6a737d", "#d8dde3", "#f4f5f7"
SCALES = {"bytes": [(2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (1, " B")], "Bps": [(2**20, " MiB/s"), (2**10, " KiB/s"), (1, " B/s")],
          "s": [(86400, " d"), (3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs")],
          "cps": [(1e6, " M/s"), (1e3, " k/s"), (1, "/s")], "reqps": [(1e3, " k/s"), (1, "/s")]}


def shown(value, unit):
    if unit == "percentunit":
        return "%.3g %%" % (100 * value)
    for size, word in SCALES.get(unit, [(1e6, " M"), (1e3, " k"), (1, "")]):
        if abs(value) >= size:
            return "%.3g%s" % (value / size, word)
    smallest, word = SCALES.get(unit, [(1, "")])[-1]
    return "0" if value == 0 else "%.2g%s" % (value / smallest, word)


def mapped(panel, value):
    """(text, color) of a value in a panel of one number."""
    defaults = panel["fieldConfig"]["defaults"]
    for m in defaults["mappings"]:
        if str(int(value)) in m["options"]:
            option = m["options"][str(int(value))]
            return option["text"], {"green": "#2f8f46", "red": "#c0392b"}.get(option["color"], TEXT)
    bad = [s["value"] for s in defaults["thresholds"]["steps"] if s["value"] is not None]
    return shown(value, defaults["unit"]), "#c0392b" if bad and value >= bad[0] else "#2f8f46"


def lines_of(source, panel, values):
    for target in panel["targets"]:
        # What has a longer least step than the rest is a rate over more.
        longer = {"__rate_interval": "10s"} if dashboards.fill(target.get("interval", ""), values) else {}
        for labels, points in source.over(dashboards.fill(target["expr"], {**values, **longer}), 0 if target["instant"] else SECONDS - 8, "1s", source.end):
            yield dashboards.legend(target, labels) or panel["title"], points


def draw_stat(axes, panel, lines):
    _, points = lines[0]
    text, color = mapped(panel, points[-1][1])
    axes.set_axis_off()
    low, high = min(v for _, v in points), max(v for _, v in points)
    if high > low and not panel["fieldConfig"]["defaults"]["mappings"]:
        axes.fill_between([t for t, _ in points], [v for _, v in points], low, color=color, alpha=0.15, linewidth=0)
        axes.set_ylim(low, low + (high - low) * 3)
    axes.text(0.5, 0.5, text, color=color, fontsize=17, weight="bold", ha="center", va="center", transform=axes.transAxes)


def draw_lines(axes, panel, lines, names):
    defaults = panel["fieldConfig"]["defaults"]
    end = max(t for _, points in lines for t, _ in points)
    for i, (name, points) in enumerate(lines):
        label = names(name) if i < 8 else None
        color = COLORS[i % len(COLORS)]
        if defaults["custom"]["stacking"]["mode"] == "normal":
            known = dict(points)
            under = draw_lines.under if i else {}
            top = {t: known.get(t, 0) + under.get(t, 0) for t in sorted(set(known) | set(under))}
            times = sorted(top)
            axes.fill_between([t - end for t in times], [under.get(t, 0) for t in times], [top[t] for t in times], color=color, alpha=0.35, linewidth=0)
            axes.plot([t - end for t in times], [top[t] for t in times], color=color, linewidth=1, label=label)
            draw_lines.under = top
        else:
            axes.plot([t - end for t, _ in points], [v for _, v in points], color=color, linewidth=1.3, label=label)
    low, high = axes.get_ylim()
    flat = all(v == points[0][1] for _, points in lines for _, v in points)
    axes.set_ylim(0 if low >= 0 or "min" in defaults else low, (max(high, 1e-9) if not flat else max(1.2 * high, 1e-9) if high > 0.06 else 1))
    # Of bytes a power of two, which has a short name.
    power = MultipleLocator(2 ** math.ceil(math.log2(axes.get_ylim()[1] / 4)))
    axes.yaxis.set_major_locator(power if defaults["unit"] in ("bytes", "Bps") else MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: shown(v, defaults["unit"])))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: "%d s" % v if v else "now"))
    axes.tick_params(labelsize=6.5, colors=FAINT, length=0)
    axes.grid(axis="y", color=EDGE, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)
    handles = axes.get_legend_handles_labels()[1]
    if handles:
        longest = max(map(len, handles))
        columns = max(1, min(4, int(panel["gridPos"]["w"] * 6.4 / (longest + 6))))
        axes.legend(loc="upper left", bbox_to_anchor=(-0.01, -0.13), ncol=columns, fontsize=6, frameon=False, handlelength=1, columnspacing=1,
                    borderpad=0, labelspacing=0.25, labelcolor=TEXT)


def picture(source, name, values, path, names):
    d = dashboards.load(name)
    rows = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in d["panels"])
    width, height = 24 * COLUMN, (rows + 1.5) * LINE
    figure = plt.figure(figsize=(width, height), dpi=DPI, facecolor=BACK)
    figure.text(0.006, 1 - 0.85 * LINE / height, d["title"], fontsize=13, weight="bold", color=TEXT, va="center")
    for p in d["panels"]:
        at = p["gridPos"]
        x, y, w, h = at["x"] / 24, 1 - (at["y"] + at["h"] + 1.5) * LINE / height, at["w"] / 24, at["h"] * LINE / height
        if p["type"] == "row":
            figure.text(x + 0.006, y + h / 2, p["title"], fontsize=9.5, weight="bold", color=TEXT, va="center")
            continue
        gap = 0.05
        box = (x + gap / width, y + gap / height, w - 2 * gap / width, h - 2 * gap / height)
        figure.add_artist(plt.Rectangle(box[:2], *box[2:], facecolor="white", edgecolor=EDGE, linewidth=0.8, transform=figure.transFigure, zorder=0))
        figure.text(box[0] + 0.08 / width, box[1] + box[3] - 0.16 / height, p["title"], fontsize=7.5, color=TEXT, va="center", weight="bold")
        lines = [(n, [(t, v) for t, v in points if v == v]) for n, points in lines_of(source, p, values)]
        lines = [(n, points) for n, points in lines if points]
        stat = p["type"] == "stat"
        left, below, above = (0.1, 0.08, 0.3) if stat else (0.62, 0.72, 0.32)
        axes = figure.add_axes((box[0] + left / width, box[1] + below / height, box[2] - (left + 0.12) / width, box[3] - (below + above) / height))
        if stat:
            draw_stat(axes, p, lines)
        else:
            draw_lines(axes, p, lines, names)
    figure.savefig(path, facecolor=BACK, metadata={"Software": None})
    plt.close(figure)
    shrink(path)


def shrink(path):
    """A palette of 256 colours: a third of the bytes."""
    from PIL import Image
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    with harness.short_dir() as dir, rig(dir) as prometheus:
        time.sleep(SECONDS)
        source = dashboards.Source(prometheus.address)
        source.end = time.time()
        # Ports are of this run: stand-ins that read better.
        first, second = prometheus.jobs["statsd"][1]

        def names(text):
            text = text.replace(first, "web-1").replace(second, "web-2").replace("-dirty", "")
            for port, word in prometheus.sockets.items():
                text = text.replace(port, word)
            return text
        for name in dashboards.NAMES:
            values = source.filled(dashboards.load(name), {"job": "statsd"})
            picture(source, name, values, os.path.join(folder, "dashboard-%s.png" % name[:-len(".json")]), names)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "docs", "images"))
