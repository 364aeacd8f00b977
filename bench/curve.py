#!/usr/bin/env python3
"""Loss versus rate, as a table and a picture: `make bench-curve`.

Each point is a run of statsd-bench at one rate against a fresh server: 1,432-byte datagrams, 10,000 series, one worker on one
core, the sender on another.  Two receive buffers, because the buffer is what decides how a burst ends.
"""

import argparse
import pathlib

from harness import ROOT, Server, load, machine, number, say, table

RATES = [1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6, 8e6, 10e6]
BUFFERS = ["256KiB", "32MiB"]
COLOURS = ["#c2571a", "#1a6fc2"]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 360, 60, 50, 20, 20


def measure(build, rate, rcvbuf, seconds):
    server = Server(build)
    server.command = [str(a).replace("rcvbuf=64MiB", f"rcvbuf={rcvbuf}") for a in server.command]
    with server as s:
        return load(build, s.port, "--rate", str(int(rate)), "--duration", f"{seconds}s", "--series", "10000", "--batch", "16",
                    pid=str(s.pid), metrics=s.metrics)


def svg(curves):
    """curves: [(name, [(sent per second, loss in percent)])].  Readable on a light and on a dark page."""
    top_rate = max(rate for _, points in curves for rate, _ in points)
    top_loss = max(1.0, max(loss for _, points in curves for _, loss in points) * 1.1)

    def x(rate):
        return LEFT + (WIDTH - LEFT - RIGHT) * rate / top_rate

    def y(loss):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * loss / top_loss

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for i in range(6):
        loss, rate = top_loss * i / 5, top_rate * i / 5
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(loss) + 4:.1f}" text-anchor="end" fill="#444">{loss:.3g} %</text>')
        out.append(f'<text x="{x(rate):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{rate / 1e6:.1f} M</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="#444">lines sent a second</text>')
    for (name, points), colour, line in zip(curves, COLOURS, range(9)):
        path = " ".join(f"{x(rate):.1f},{y(loss):.1f}" for rate, loss in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(rate):.1f}" cy="{y(loss):.1f}" r="3" fill="{colour}"/>' for rate, loss in points]
        out.append(f'<text x="{LEFT + 12}" y="{TOP + 16 + 18 * line}" fill="{colour}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    args.add_argument("--seconds", type=int, default=4)
    args.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/loss-versus-rate.svg")
    args = args.parse_args()
    rows, curves = [], []
    for rcvbuf in BUFFERS:
        points = []
        for rate in RATES:
            say(f"rcvbuf {rcvbuf}, {rate / 1e6:.0f} M lines/s")
            r = measure(args.build, rate, rcvbuf, args.seconds)
            sent = r["sent"]["lines_per_second"]
            if points and sent < points[-1][0] * 1.02:
                break   # the sender's own limit
            loss = 100 * r["loss"]["part"]
            cpu = r["server"]["cpu_us_per_1000_samples"]
            points.append((sent, loss))
            rows.append((rcvbuf, number(sent), f"{loss:.4f} %", number(cpu)))
        curves.append((f"receive buffer {rcvbuf}", points))
    args.out.write_text(svg(curves))
    print(table(["", ""], machine()))
    print(table(["receive buffer", "lines sent/s", "lost", "server CPU, us per 1,000 lines"], rows))


if __name__ == "__main__":
    main()
