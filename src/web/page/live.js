// The stream of seconds: one EventSource for the whole page, the last 15 minutes as rows, and who is told of each.

import { urlOf } from "./api.js";

const KEPT_S = 900, RETRY_MS = 4000, SET_BACK_S = 5;
const told = { second: [], history: [], state: [] };

export const rows = [];               // [{at_s, datagrams, ...}], oldest first
export const on = (what, call) => told[what].push(call);

const tell = (what, value) => told[what].forEach((call) => call(value));

let source = null, retry = null, state = "connecting", since = null;

function become(next) {
  if (next === "lost" && state === "live") since = Date.now() / 1000;
  state = next;
  tell("state", { state, since });
}

// False: it is here already.  Where the server's clock was set back, what was before is no past of what comes.
export function keep(row) {
  const last = rows[rows.length - 1];
  if (last && row.at_s <= last.at_s) {
    if (last.at_s - row.at_s < SET_BACK_S) return false;
    rows.length = 0;
  }
  rows.push(row);
  while (rows.length > 0 && rows[0].at_s < row.at_s - KEPT_S) rows.shift();
  return true;
}

// A server that was started anew has a history of its own, so what was here stays unless it says otherwise for the same seconds.
function onHistory(event) {
  const { columns, rows: given } = JSON.parse(event.data);
  const fresh = given.map((r) => Object.fromEntries(columns.map((c, i) => [c, r[i]])));
  if (fresh.length > 0) {
    while (rows.length > 0 && rows[rows.length - 1].at_s >= fresh[0].at_s) rows.pop();
    fresh.forEach(keep);
  }
  become("live");
  tell("history");
  if (rows.length > 0) tell("second", rows[rows.length - 1]);
}

function onSecond(event) {
  const row = JSON.parse(event.data);
  if (state !== "live") become("live");
  if (keep(row)) tell("second", row);
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function open() {
  close();
  source = new EventSource(urlOf("stream"));
  source.addEventListener("history", onHistory);
  source.addEventListener("second", onSecond);
  source.onerror = () => {
    become("lost");
    // Refused (503: as many pages are open as may be): the browser gives up, so ask again.
    if (source?.readyState === EventSource.CLOSED) {
      close();
      retry = setTimeout(open, RETRY_MS);
    }
  };
}

// A browser has six connections for one server, and each open page takes one: a hidden page gives it back.
export function start() {
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && !document.hidden && open());
  if (!document.hidden) open();
}
