// Which charts there are, and what of a second each shows.

import { chart } from "./chart.js";
import { $ } from "./dom.js";
import * as format from "./format.js";
import * as live from "./live.js";

const CHARTS = [
  {
    title: "Arriving, a second", axis: format.short, of: (r) => [r.lines, r.datagrams],
    lines: [{ name: "lines", colour: "accent", show: format.rate }, { name: "datagrams", colour: "good", show: format.rate }],
  },
  {
    title: "Not counted, a second", axis: format.short, of: (r) => [r.rejected, r.refused, r.kernel_dropped],
    lines: [{ name: "rejected", colour: "warn", show: format.rate }, { name: "refused", colour: "refused", show: format.rate },
      { name: "dropped by the kernel", colour: "bad", show: format.rate }],
  },
  {
    title: "CPU and memory", axis: (v) => `${format.short(v)} %`, axisRight: format.bytes, binary: true, of: (r) => [r.cpu_percent, r.rss_bytes],
    lines: [{ name: "CPU", colour: "accent", show: (v) => `${format.short(v)} %` }, { name: "memory", colour: "other", show: format.bytes, right: true }],
  },
  {
    title: "Redis", axis: (v) => `${format.short(v)} s`, axisRight: format.short, of: (r) => [r.redis_lag_s, r.redis_spool_batches],
    lines: [{ name: "lag", colour: "accent", show: (v) => `${format.short(v)} s` }, { name: "batches that wait", colour: "warn", show: format.short, right: true }],
    empty: () => (hasRedis === false ? "This server writes to no Redis (redis.url)." : null),
  },
];

let hasRedis = null, shown = [], seen = false;

// Seconds without a row (the stream was lost) are a gap, not a straight line.
function rowsOf(of) {
  const out = [];
  let last = null;
  for (const r of live.rows) {
    if (last !== null && r.at_s - last > 5) out.push([new Date((last + 1) * 1000), ...of(r).map(() => null)]);
    out.push([new Date(r.at_s * 1000), ...of(r).map((v) => v ?? null)]);
    last = r.at_s;
  }
  return out;
}

function draw() {
  if (seen) shown.forEach((c, i) => c.draw(rowsOf(CHARTS[i].of)));
}

export function redis(there) {
  hasRedis = there;
}

export function build() {
  shown = CHARTS.map((c) => chart($("chart-grid"), c));
  new IntersectionObserver((all) => {
    seen = all[all.length - 1].isIntersecting;
    draw();
  }, { rootMargin: "200px" }).observe($("charts"));
  live.on("second", draw);
  draw();
}
