// Lines that were not taken, by reason, with the latest of each and a caret under the fault.

import { ask, poll } from "./api.js";
import { $, el, keyed, text } from "./dom.js";
import * as format from "./format.js";

const BEFORE = 60, AFTER = 40;

/*
 * The part of a line around byte `at`, and how far in it that is: [text, characters].  The offset counts bytes of UTF-8; no two
 * characters share a column when what has no width is shown as U+FFFD.
 */
export function around(line, at) {
  const points = Array.from(line), encoder = new TextEncoder();
  let byte = 0, n = 0;
  for (; n < points.length && byte < at; n++) byte += encoder.encode(points[n]).length;
  const from = Math.max(0, n - BEFORE), to = Math.min(points.length, n + AFTER);
  const shown = (from > 0 ? "…" : "") + points.slice(from, to).join("") + (to < points.length ? "…" : "");
  return [format.printable(shown), n - from + (from > 0 ? 1 : 0)];
}

function example(x) {
  const at = x.at ?? null, [line, column] = around(x.line, at ?? 0), when = format.time(x.at_s);
  const under = at === null ? null : el("span", { class: "caret" }, `\n${" ".repeat(column)}^`);
  const from = x.from ? [" from ", el("bdi", {}, format.printable(x.from))] : [];
  return el("div", { class: "example" }, el("p", { class: "sub" }, el("time", { datetime: when.iso }, when.text), ...from, x.listener ? ` at ${x.listener}` : "",
    x.times > 1 ? ` · ${format.count(x.times)} alike` : ""),
  el("pre", { tabindex: "0", role: "group", "aria-label": "A rejected line" }, line, under));
}

// One client that is wrong is wrong again and again: of lines that are alike the newest, with how many there are.
export function distinct(latest) {
  const found = new Map();
  for (const x of latest) {
    const same = found.get(x.line);
    if (same) same.times++;
    else found.set(x.line, { ...x, times: 1 });
  }
  return [...found.values()];
}

const make = (r) => el("div", { class: "card" }, el("div", { class: "card-head" }, el("h3", { class: "mono" }, r.reason), el("span", { class: "quiet" })), el("div", {}));

function update(card, r) {
  text(card.querySelector(".quiet"), `${format.count(r.count)} · ${format.rate(r.per_second)}`);
  const stamp = JSON.stringify(r.latest);
  if (card.dataset.latest === stamp) return;
  card.dataset.latest = stamp;
  card.lastElementChild.replaceChildren(...distinct(r.latest).map(example));
}

async function refresh() {
  let got;
  try {
    got = await ask("rejected");
  } catch (e) {
    text($("rejected-said"), `Not there: ${e.message}.`);
    throw e;
  }
  const some = got.reasons.filter((r) => r.count > 0).sort((a, b) => b.count - a.count);
  text($("rejected-said"), some.length === 0 ? "None so far." : got.shown ? "The latest of each reason." : "Lines are not shown: http.show_lines is off.");
  keyed($("rejected-list"), some.map((r) => [r.reason, r]), make, update);
}

export const build = () => poll($("rejected"), 3000, refresh);
