// Lines as they arrive, while one asks for them.

import { ask, urlOf } from "./api.js";
import { $, el, text } from "./dom.js";
import * as format from "./format.js";

const KEPT = 300;
let source = null, waiting = [], frame = null, seen = 0;

function lineOf(x) {
  const when = format.time(x.at_s);
  const from = x.from ? el("span", { class: "from" }, format.printable(x.from)) : null;
  return el("li", {}, el("time", { datetime: when.iso }, when.text), el("bdi", {}, format.printable(x.line)), from);
}

function add(item) {
  waiting.push(item);
  if (waiting.length > KEPT) waiting.shift();
  frame ??= requestAnimationFrame(() => {
    const list = $("tail-lines"), atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...waiting);
    while (list.childElementCount > KEPT) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    waiting = [];
    frame = null;
  });
}

function stop(why) {
  source?.close();
  source = null;
  text($("tail-go"), "Start");
  $("tail-go").setAttribute("aria-pressed", "false");
  text($("tail-said"), why);
}

function start() {
  const match = $("tail-pattern").value.trim() || "*", args = { match, rate: $("tail-rate").value };
  seen = 0;
  $("tail-lines").hidden = false;
  $("tail-lines").replaceChildren();
  source = new EventSource(urlOf("tail", args));
  source.addEventListener("line", (event) => {
    seen++;
    add(lineOf(JSON.parse(event.data)));
  });
  source.addEventListener("skipped", (event) => {
    add(el("li", { class: "skipped" }, `… ${format.count(JSON.parse(event.data).lines)} more matched and are not shown`));
  });
  source.onerror = async () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    stop("The server ended it.");
    // An EventSource does not tell why it was refused, a request does.
    const quit = new AbortController(), timer = setTimeout(() => quit.abort(), 1000);
    await ask("tail", args, { signal: quit.signal }).catch((e) => e.name !== "AbortError" && text($("tail-said"), e.message));
    clearTimeout(timer);
    quit.abort();
  };
  text($("tail-go"), "Stop");
  $("tail-go").setAttribute("aria-pressed", "true");
  text($("tail-said"), `Lines whose name matches ${match}.`);
}

export function build() {
  $("tail-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (source) stop(`Stopped after ${format.count(seen)} lines.`);
    else start();
  });
  document.addEventListener("visibilitychange", () => document.hidden && source && stop("Stopped when the page was hidden."));
  window.addEventListener("pagehide", () => source?.close());
}
