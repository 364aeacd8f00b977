// Puts the parts together.

import { ask, poll } from "./api.js";
import * as charts from "./charts.js";
import { $, text } from "./dom.js";
import * as explain from "./explain.js";
import * as flow from "./flow.js";
import * as format from "./format.js";
import * as live from "./live.js";
import * as rejected from "./rejected.js";
import * as series from "./series.js";
import * as server from "./server.js";
import * as tail from "./tail.js";
import * as top from "./top.js";

function showState({ state, since }) {
  $("link").dataset.state = state;
  const lost = since === null ? "no connection" : `lost at ${format.at(since)}`;
  text($("link-text"), state === "lost" ? lost : state);
}

// Of the last minute: one bad line a minute ago is worth a look, too.
function showLoss() {
  const last = live.rows.slice(-60), sum = (name) => last.reduce((n, r) => n + r[name], 0);
  const lost = sum("rejected") + sum("refused") + sum("kernel_dropped");
  $("t-loss").className = sum("kernel_dropped") > 0 ? "bad" : lost > 0 ? "warn" : "good";
  text($("t-loss"), lost === 0 ? "none" : format.percent(lost, sum("lines") + sum("kernel_dropped")));
  text($("t-loss-sub"), lost === 0 ? "in the last minute" : `${format.short(lost)} in 60 s`);
}

function showSecond(row) {
  text($("t-lines"), format.short(row.lines));
  text($("t-lines-sub"), `${format.short(row.datagrams)} datagrams/s`);
  text($("t-series"), format.short(row.series));
  text($("t-cpu"), format.short(row.cpu_percent));
  const [size, unit] = format.bytesParts(row.rss_bytes);
  text($("t-rss"), size);
  text($("t-rss-unit"), unit);
  showLoss();
  flow.second(row);
}

flow.build();
charts.build();
top.build();
series.build();
rejected.build();
explain.build();
tail.build();
server.build();
live.on("state", showState);
live.on("second", showSecond);
poll($("overview"), 2000, async () => flow.account(await ask("conservation")));
live.start();
