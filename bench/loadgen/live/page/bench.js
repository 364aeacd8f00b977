// A load that is watched and steered: its state once a second, charts over the run, and what is asked for.

import { chart } from "./chart.js";
import { $, el, emptyRow, num, row, text } from "./dom.js";
import { bytes, count, figure, percent, printable, rate, short, span } from "./format.js";

const EVERY_MS = 1000, WINDOW = 60;
const AT = 0, WISHED = 1, SENT = 2, GOT = 3, LOSS = 4, CPU = 5, SCRAPE = 6, RSS = 7;
const FIELDS = ["rate", "shape", "rate-to", "period", "duration", "series", "types", "payload"];

let rows = [], run = null, state = null, began = null, timer = null, failing = false;

const part = (v) => (v === null || v === undefined ? "–" : percent(v, 1));
const ms = (v) => (v === null || v === undefined ? "–" : `${figure(v)} ms`);
const cpu = (v) => (v === null || v === undefined ? "–" : `${figure(v * 100)} %`);
const grid = $("chart-grid");
const noServer = (what) => (r) => (r.length > 1 && r.every((x) => x.slice(1).every((v) => v === null)) ? `Not known: ${what}` : null);
const charts = [
  [chart(grid, { title: "Rate", axis: short, lines: [
    { name: "asked for", colour: "field", show: rate }, { name: "sent", colour: "accent", show: rate }, { name: "aggregated", colour: "good", show: rate }] }),
  (r) => [r[WISHED], r[SENT], r[GOT]]],
  [chart(grid, { title: "Lost since the start", axis: (v) => part(v), empty: noServer("give --metrics, or a UDP port of this machine."),
    lines: [{ name: "lost", colour: "bad", show: part }] }), (r) => [r[LOSS]]],
  [chart(grid, { title: "Server CPU", axis: (v) => `${short(v * 100)} %`, empty: noServer("give --metrics or --pid."), lines: [{ name: "of one core", colour: "other", show: cpu }] }),
    (r) => [r[CPU]]],
  [chart(grid, { title: "Latency of scrapes", axis: (v) => `${short(v)} ms`, empty: noServer("give --metrics."),
    lines: [{ name: "p50", colour: "good", show: ms }, { name: "p99", colour: "warn", show: ms }] }), (r) => r.scrapes],
];

// Of the last minute: nearest rank.
function quantiles(i) {
  const seen = rows.slice(Math.max(0, i - WINDOW + 1), i + 1).map((r) => r[SCRAPE]).filter((v) => v !== null).sort((a, b) => a - b);
  const at = (q) => (seen.length > 0 ? seen[Math.max(0, Math.ceil(q * seen.length) - 1)] : null);
  return [at(0.5), at(0.99)];
}

function draw() {
  charts.forEach(([c, of]) => c.draw(rows.map((r) => [new Date(began + r[AT] * 1000), ...of(r)])));
}

// True: there is something new to draw.
function take(s) {
  const anew = run !== s.run || (s.sums === null && rows.length > 0);
  if (anew) {
    rows = [];
    began = null;
    run = s.run;
  }
  s.rows.forEach((r) => {
    rows.push(r);
    r.scrapes = quantiles(rows.length - 1);
  });
  if (rows.length > 0) began ??= Date.now() - rows[rows.length - 1][AT] * 1000;
  return anew || s.rows.length > 0;
}

function tiles(s) {
  const r = rows[rows.length - 1], sums = s.sums;
  text($("t-sent"), r ? short(r[SENT]) : "–");
  text($("t-sent-sub"), sums ? `${count(sums.lines)} lines` : "\u00a0");
  text($("t-got"), r ? short(r[GOT]) : "–");
  text($("t-got-sub"), sums && sums.aggregated !== null ? `${count(sums.aggregated)} samples` : "\u00a0");
  text($("t-loss"), sums ? part(sums.loss) : "–");
  $("t-loss").className = sums?.loss > 0 ? "bad" : "";
  text($("t-cpu"), r && r[CPU] !== null ? figure(r[CPU] * 100) : "–");
  text($("t-rss"), r && r[RSS] !== null ? `${bytes(r[RSS])} resident` : "\u00a0");
  text($("t-p50"), r ? figure(sums?.scrape_p50_ms ?? r.scrapes[0]) : "–");
  text($("t-p99"), r ? `${ms(sums?.scrape_p99_ms ?? r.scrapes[1])} p99` : "\u00a0");
  text($("t-time"), r ? Math.round(r[AT]) : "–");
  text($("t-left"), `of ${span(Number(s.settings.duration))}`);
}

function buttons(s) {
  const ready = s.state === "ready", running = s.state === "running";
  $("start").disabled = !ready;
  $("start").hidden = running;
  $("change").hidden = !running;
  $("change").disabled = !running;
  $("stop").disabled = ready || s.state === "stopping";
  $("reset").disabled = !ready || s.sums === null;
  $("downloads").hidden = s.sums === null;
  $("no-report").hidden = s.sums !== null;
}

const STATES = { joining: "coming in", ready: "ready", sending: "sending", lost: "lost" };

function workers(s) {
  const body = $("worker-rows");
  if (s.workers.length === 0) {
    body.replaceChildren(emptyRow(6, "None has come in yet."));
    return;
  }
  body.replaceChildren(...s.workers.map((w) => row(printable(w.name),
    el("td", { class: w.why ? "bad-text" : null }, w.why ? `${STATES[w.state]}: ${printable(w.why)}` : STATES[w.state]),
    num(short(w.lines_per_second)), num(count(w.lines)), num(count(w.datagrams)), num(count(w.failed_datagrams)))));
}

// What somebody types stays; all else follows what is in force.
function fields(s) {
  for (const name of FIELDS) {
    const field = $(`s-${name}`), value = s.settings[name] ?? "";
    if (document.activeElement !== field && field.dataset.touched === undefined) field.value = value;
  }
}

function show(s) {
  const fresh = take(s);
  state = s;
  text($("to"), printable(s.to));
  text($("state"), s.state);
  $("link").dataset.state = "live";
  if (s.error) say(s.error, true);
  tiles(s);
  buttons(s);
  workers(s);
  fields(s);
  if (fresh) draw();
}

function say(what, bad) {
  text($("said"), what === "" ? "\u00a0" : what);
  $("said").classList.toggle("bad-text", bad === true);
}

async function ask(path, options) {
  const answer = await fetch(new URL(`api/${path}`, document.baseURI), { cache: "no-store", ...options });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

async function look() {
  clearTimeout(timer);
  try {
    show(await ask(`state?since=${rows.length}&run=${run ?? 0}`));
    failing = false;
  } catch {
    $("link").dataset.state = "lost";
    text($("state"), "no answer");
    if (!failing) ["start", "change", "stop", "reset"].forEach((id) => { $(id).disabled = true; });
    failing = true;
  }
  timer = setTimeout(look, EVERY_MS);
}

async function post(path, settings) {
  try {
    await ask(path, { method: "POST", body: settings ? JSON.stringify(settings) : undefined });
    say(settings ? "In force." : "");
    FIELDS.forEach((name) => { delete $(`s-${name}`).dataset.touched; });
  } catch (e) {
    say(e.message, true);
  }
  look();
}

$("load-form").addEventListener("input", (e) => { e.target.dataset.touched = ""; });
$("load-form").addEventListener("submit", (e) => {
  e.preventDefault();
  const settings = Object.fromEntries(FIELDS.map((name) => [name, $(`s-${name}`).value.trim()]));
  if (state?.state === "running") post("change", settings);
  else if (state?.state === "ready") post("start", settings);
});
$("stop").addEventListener("click", () => post("stop"));
$("reset").addEventListener("click", () => post("reset"));
look();
