// Who and what sends most: four tables, each with a bar for its share of the largest.

import { ask, poll } from "./api.js";
import { $, el, emptyRow, keyed, num, text } from "./dom.js";
import * as format from "./format.js";

const TABLES = [
  { by: "samples", title: "Names by samples a second", head: "Name", unit: "Samples/s", name: (t) => t.name, value: (t) => t.samples_per_second, show: format.short },
  { by: "series", title: "Names by series", head: "Name", unit: "Series", name: (t) => t.name, value: (t) => t.series, show: format.count },
  { by: "tags", title: "Tags by values", head: "Tag", unit: "Values", name: (t) => t.tag, of: (t) => t.name, value: (t) => t.values, show: format.count },
  { by: "sender", title: "Senders", head: "From", unit: "Samples/s", name: (t) => t.sender, value: (t) => t.samples_per_second, show: format.short },
];

function make(item) {
  const { table, t } = item;
  const under = table.of ? el("span", { class: "quiet" }, " of ", el("bdi", {}, format.printable(table.of(t)))) : null;
  const cell = el("th", { scope: "row", class: "barred" }, el("i", { "aria-hidden": "true" }),
    el("span", { title: format.printable(table.of ? `${table.name(t)} of ${table.of(t)}` : table.name(t)) }, el("span", { class: "name" }, format.printable(table.name(t))), under));
  return el("tr", {}, cell, num(""));
}

function update(tr, { table, t, most }) {
  const share = most > 0 ? (table.value(t) / most) * 100 : 0;
  tr.querySelector("i").style.width = `${Math.max(share, 0.5)}%`;
  text(tr.lastElementChild, (t.error > 0 ? "≈ " : "") + table.show(table.value(t)));
}

async function refresh(table, body) {
  let got;
  try {
    got = await ask("top", { by: table.by, limit: 10 });
  } catch (e) {
    body.replaceChildren(emptyRow(2, `Not there: ${e.message}.`));
    throw e;
  }
  const most = Math.max(0, ...got.top.map(table.value));
  if (got.top.length === 0) body.replaceChildren(emptyRow(2, "Nothing yet."));
  else keyed(body, got.top.map((t) => [table.name(t) + "\n" + (table.of?.(t) ?? ""), { table, t, most }]), make, update);
  if (table.by === "samples") {
    text($("top-share"), got.share < 1
      ? `Estimated from 1 of ${format.count(1 / got.share)} batches, over the last ${format.span(got.window_s)}.`
      : `Over the last ${format.span(got.window_s)}, of every batch.`);
  }
}

export function build() {
  for (const table of TABLES) {
    const body = el("tbody", {}, emptyRow(2, "Loading."));
    const card = el("div", { class: "card" }, el("h3", {}, table.title), el("table", { class: "data top-table" },
      el("caption", { class: "sr" }, table.title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, table.head), el("th", { scope: "col", class: "num" }, table.unit))), body));
    $("top-grid").append(card);
    poll(card, 4000, () => refresh(table, body));
  }
}
