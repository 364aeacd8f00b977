// The loss account as a picture: a band for each place a line can be in, as wide as its share; a thin one is never thinner than a line.

import { $, el, svg, text } from "./dom.js";
import * as format from "./format.js";

const PLACES = [
  ["aggregated", "Aggregated", "c-good", "in a series"],
  ["events", "Events, checks", "c-other", "of DogStatsD"],
  ["rejected", "Rejected", "c-warn", "not understood"],
  ["refused", "Refused", "c-refused", "a limit was reached"],
  ["dropped", "Dropped", "c-bad", "by a rule, or a limit on rates"],
  ["kernel", "Kernel drops", "c-bad", "datagrams, at a full socket"],
];
// As in page.css: the rows of the table beside it, the first taller than the others.
const HEIGHT = 350, HEAD = 30, FIRST = 110, ROW = 42, LEFT = 10, RIGHT = 392, THIN = 1.5, BAR = 100;
const cells = new Map(), received = svg("rect", { class: "c-accent", x: 0, width: LEFT });

const rateOf = (second) => ({
  aggregated: second.aggregated, events: second.events + second.checks, rejected: second.rejected, refused: second.refused,
  dropped: second.dropped, kernel: second.kernel_dropped,
});

export function build() {
  for (const [id, name, colour, help] of PLACES) {
    const now = el("td", { class: "num now" }, "–"), total = el("td", { class: "num" }, el("span", { class: "brief" }, "–"), el("span", { class: "full" }, "–"));
    const key = el("span", { class: `key ${colour}`, "aria-hidden": "true" });
    const words = el("span", {}, name, el("span", { class: "why" }, help));
    $("flow-rows").append(el("tr", {}, el("th", { scope: "row" }, el("span", { class: "keyed" }, key, words)), now, total));
    const path = svg("path", { class: colour }), end = svg("rect", { class: colour, x: RIGHT, width: 8 });
    $("flow").append(path, end);
    cells.set(id, { now, total, path, end });
  }
  $("flow").append(received);
}

function draw(now) {
  const all = PLACES.reduce((sum, [id]) => sum + now[id], 0);
  const thick = (id) => (now[id] > 0 ? Math.max(THIN, (now[id] / all) * BAR) : 0);
  const total = PLACES.reduce((sum, [id]) => sum + thick(id), 0);
  let from = HEAD + FIRST / 2 + 40 - total / 2;
  received.setAttribute("y", total > 0 ? from : HEIGHT / 2);
  received.setAttribute("height", Math.max(total, 1));
  PLACES.forEach(([id], i) => {
    const row = i === 0 ? FIRST : ROW, top = i === 0 ? HEAD : HEAD + FIRST + ROW * (i - 1), { path, end } = cells.get(id);
    const left = thick(id), right = Math.min(left, row - 8), to = top + (row - right) / 2, mid = (LEFT + RIGHT) / 2;
    path.setAttribute("d", left === 0 ? "" :
      `M${LEFT} ${from}C${mid} ${from} ${mid} ${to} ${RIGHT} ${to}V${to + right}C${mid} ${to + right} ${mid} ${from + left} ${LEFT} ${from + left}Z`);
    end.setAttribute("y", to);
    end.setAttribute("height", right);
    from += left;
  });
}

export function second(row) {
  const now = rateOf(row);
  for (const [id] of PLACES) {
    const { now: cell } = cells.get(id);
    text(cell, format.rate(now[id]));
    cell.classList.toggle("idle", now[id] === 0);
  }
  draw(now);
  text($("flow-received"), `received ${format.rate(row.lines)}`);
}

export function account(sums) {
  const l = sums.lines;
  const totals = { ...l, events: l.events + l.checks, kernel: sums.kernel_dropped };
  for (const [id] of PLACES) {
    const [brief, full] = cells.get(id).total.children;
    text(brief, format.short(totals[id]));
    text(full, format.count(totals[id]));
  }
  const even = sums.difference === 0, said = $("balance");
  said.className = `balance ${even ? "good" : "bad"}`;
  text(said, even ? "✓ every line received is in exactly one place" : `✗ ${format.count(sums.difference)} lines are in no place`);
  const why = (kind) => Object.entries(sums[kind] ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 4).map(([r, n]) => `${r} ${format.short(n)}`);
  const reasons = [...why("rejected"), ...why("refused")];
  text($("flow-kernel"), `${format.count(l.received)} lines in ${format.count(sums.datagrams)} datagrams since the start.` +
    (reasons.length > 0 ? ` Not taken: ${reasons.join(", ")}.` : " None was rejected or refused."));
}
