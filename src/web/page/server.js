// The server itself: what it listens on, its workers, Redis, capture, mirror, what happened, and its options.

import { ask, poll } from "./api.js";
import * as charts from "./charts.js";
import { $, el, emptyRow, keyed, num, row, text } from "./dom.js";
import * as format from "./format.js";

let options = [];

function rows(id, columns, items, keyOf, cellsOf) {
  if (items.length === 0) {
    $(id).replaceChildren(emptyRow(columns, "None."));
    return;
  }
  keyed($(id), items.map((x) => [keyOf(x), x]), (x) => row(...cellsOf(x)), (tr, x) =>
    cellsOf(x).forEach((c, i) => text(tr.children[i], c instanceof Node ? c.textContent : c)));
}

function parts(s) {
  const r = s.redis, c = s.capture, m = s.mirror, out = [];
  const say = (name, ...words) => out.push(el("dt", {}, name), el("dd", {}, words.filter(Boolean).join(" · ")));
  if (r) say("Redis", r.state, `${format.count(r.applied_series)} series applied`, r.dropped_series > 0 && `${format.count(r.dropped_series)} dropped`,
    `${format.count(r.spool_batches)} batches wait (${format.bytes(r.spool_bytes)})`, `lag ${format.span(r.lag_s)}`);
  else say("Redis", "none: redis.url is not set");
  if (c) say("Capture", c.state, c.why, c.file, `${format.count(c.packets)} packets`, format.bytes(c.bytes), c.dropped > 0 && `${format.count(c.dropped)} dropped`);
  else say("Capture", "none: capture.dir is not set");
  if (m) say("Mirror", m.state, `to ${m.to}`, `by ${m.by}`, `share ${format.percent(m.share, 1)}`, `${format.count(m.sent_lines)} lines sent`,
    m.dropped_datagrams > 0 && `${format.count(m.dropped_datagrams)} datagrams dropped`);
  else say("Mirror", "none: mirror.to is not set");
  if (s.streams) say("Pages open", `${format.count(s.streams.open)} of ${format.count(s.streams.max)}`);
  $("parts").replaceChildren(...out);
}

function redisTile(r) {
  const colours = { connected: "good", connecting: "warn", lost: "bad" };
  $("t-redis").className = r ? colours[r.state] ?? "" : "";
  text($("t-redis"), r ? r.state : "none");
  text($("t-redis-sub"), r ? `lag ${format.span(r.lag_s)}` : "redis.url is not set");
}

function showOptions() {
  const part = $("config-filter").value.trim().toLowerCase();
  const some = options.filter(([k, v]) => k.includes(part) || v.toLowerCase().includes(part));
  rows("config-rows", 2, some, (o) => o[0], ([k, v]) => [el("span", { class: "mono" }, k), el("span", { class: "mono" }, v === "" ? "–" : v)]);
}

function show(s) {
  text($("instance"), `${s.instance} · ${s.version}`);
  document.title = `${s.instance} · statsd`;
  text($("server-said"), `Version ${s.version}, pid ${s.pid}, ${s.state}, up ${format.span(s.uptime_s)}, interval ${format.value(s.interval_s)} s, ` +
    (s.config.file ? `config ${s.config.file}.` : "no config file."));
  text($("t-series-sub"), `of ${format.short(s.limits.max_series)} at most`);
  text($("t-cpu-sub"), `${s.workers.length} ${s.workers.length === 1 ? "worker" : "workers"}`);
  redisTile(s.redis);
  charts.redis(s.redis !== null);
  rows("listener-rows", 5, s.listeners, (l) => l.addr + l.proto, (l) => [el("span", { class: "name" }, format.printable(`${l.proto}://${l.addr.split("://").pop()}`)), num(format.count(l.datagrams)),
    num(format.bytes(l.bytes)), num(format.count(l.connections)), num(format.count(l.kernel_dropped))]);
  const lines = s.workers.reduce((sum, w) => sum + w.lines, 0);
  rows("worker-rows", 4, s.workers, (w) => String(w.worker), (w) => [w.worker, num(format.count(w.lines)), num(format.percent(w.lines, lines)), num(format.span(w.cpu_s))]);
  parts(s);
  options = Object.entries(s.config.options);
  showOptions();
}

function happenings(t) {
  const flush = t.flushes.slice(-6).map((f) => [f.start_s, `flush: ${format.count(f.series)} series, ${format.count(f.samples)} samples, in ${format.short(f.closed_ms)} ms`]);
  const redis = t.redis.map((r) => [r.at_s, `Redis ${r.what}${r.text ? `: ${r.text}` : ""}`]);
  const drops = t.kernel_drops.map((d) => [d.at_s, `the kernel dropped ${format.count(d.dropped)} datagrams at ${d.addr}`]);
  return [...flush, ...redis, ...drops].sort((a, b) => b[0] - a[0]).slice(0, 60);
}

export function build() {
  $("config-filter").addEventListener("input", showOptions);
  poll(document.body, 3000, async () => show(await ask("status")));
  poll($("server"), 5000, async () => {
    const all = happenings(await ask("timeline"));
    rows("timeline-rows", 2, all, (h) => `${h[0]} ${h[1]}`, ([at, what]) => [format.at(at), what]);
  });
}
