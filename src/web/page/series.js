// Search of series: a page of rows, read again while it is shown, each with a line of the values since then.

import { ask, poll } from "./api.js";
import { $, el, keyed, num, sparkPath, svg, text } from "./dom.js";
import * as format from "./format.js";

const PAGE = 25, POINTS = 60, EVERY_MS = 3000, PAUSE_MS = 250;
let after = null, next = null, asked = null, searched = false;
const kept = new Map(); // key of a row on the page -> its values

const keyOf = (s) => `${s.type}\n${s.name}\n${s.tags.join(",")}`;

// What of a series is drawn and shown: one number.
function numberOf(s) {
  if (s.type === "set") return s.members ?? s.value ?? null;
  return s.value ?? s.p50 ?? s.count ?? null;
}

function shownValue(s) {
  if (s.type === "set") return `${format.count(numberOf(s))} members`;
  if (s.p99 === undefined || s.p99 === null) return format.value(numberOf(s));
  return `p50 ${format.figure(s.p50)} · p99 ${format.figure(s.p99)}`;
}

function make(s) {
  const tags = s.tags.map((t) => el("span", { class: "tag" }, format.printable(t)));
  const head = el("th", { scope: "row" }, el("div", { class: "name" }, format.printable(s.name)), ...tags);
  const line = svg("svg", { class: "spark", viewBox: "0 0 120 24", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path"));
  return el("tr", {}, head, num(""), el("td", {}, line), num(""), el("td", {}, s.type), num(""), el("td", { class: "name" }));
}

function update(tr, s) {
  const values = kept.get(keyOf(s)), cells = tr.children;
  text(cells[1], shownValue(s));
  text(cells[3], s.samples_per_second === null || s.samples_per_second === undefined ? "–" : format.short(s.samples_per_second));
  tr.querySelector("path").setAttribute("d", sparkPath(values));
  text(cells[5], format.ago(s.last_seen_s));
  const shown = (s.exposed ?? []).join(", ");
  text(cells[6], [s.rule, format.printable(shown)].filter(Boolean).join(" → ") || "not shown");
}

function remember(found) {
  const on = new Set(found.map(keyOf));
  for (const key of kept.keys()) if (!on.has(key)) kept.delete(key);
  for (const s of found) {
    const values = kept.get(keyOf(s)) ?? [];
    values.push(numberOf(s));
    if (values.length > POINTS) values.shift();
    kept.set(keyOf(s), values);
  }
}

const wanted = () => ({ [$("series-how").value]: $("series-pattern").value.trim() || ($("series-how").value === "regex" ? "." : "*"),
  type: $("series-type").value, limit: PAGE, after });

async function refresh() {
  asked?.abort();
  const mine = new AbortController();
  asked = mine;
  const args = wanted();
  let got;
  try {
    got = await ask("series", args, { signal: mine.signal });
  } catch (e) {
    if (e.name === "AbortError") return;
    $("series-said").className = "sub bad-text";
    text($("series-said"), e.message);
    throw e;
  }
  if (asked !== mine) return;
  next = got.next ?? null;
  $("series-first").disabled = after === null;
  $("series-next").disabled = next === null;
  remember(got.series);
  keyed($("series-rows"), got.series.map((s) => [keyOf(s), s]), make, update);
  const said = got.matched === 0 ? "No series matches." : `${format.count(got.matched)} series match.`;
  $("series-said").className = "sub";
  // Read aloud when somebody searched; not every few seconds because one series more is there.
  $("series-said").setAttribute("aria-live", searched ? "polite" : "off");
  searched = false;
  text($("series-said"), said);
}

export function build() {
  let pause = null;
  const again = poll($("series"), EVERY_MS, refresh);
  const fresh = () => {
    after = null;
    searched = true;
    clearTimeout(pause);
    pause = setTimeout(again, PAUSE_MS);
  };
  $("series-form").addEventListener("input", fresh);
  $("series-form").addEventListener("submit", (event) => {
    event.preventDefault();
    fresh();
  });
  const turn = (to) => {
    after = to;
    again();
  };
  $("series-next").addEventListener("click", () => turn(next));
  $("series-first").addEventListener("click", () => turn(null));
}
