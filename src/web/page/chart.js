// A chart over time; the only file that knows dygraphs.

import { el, text } from "./dom.js";

/*
 * Its legend is HTML with style attributes, which the Content-Security-Policy forbids (and which would be made of labels): left
 * out before the first chart.  Labels given to it are words of ours, never a stranger's.
 */
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const charts = [];

/*
 * A chart in a card of its own, at the end of `parent`.
 *   binary  the right axis counts bytes: its marks are powers of two
 *   lines   [{name, colour, show(value), right}]: the name of a CSS colour; right: by an axis of its own
 * Returns {draw(rows)}, rows [[Date, value...]].
 */
export function chart(parent, { title, lines, axis, axisRight, binary = false, empty }) {
  const plot = el("div", { class: "plot", role: "img", "aria-label": title });
  const nothing = el("p", { class: "empty", hidden: true });
  const values = lines.map((l) => el("b", {}, "–"));
  const keys = lines.map((l) => el("span", { class: `key c-${l.colour}`, "aria-hidden": "true" }));
  const legend = el("ul", { class: "legend" }, ...lines.map((l, i) => el("li", {}, keys[i], l.name, values[i])));
  parent.append(el("div", { class: "card" }, el("h3", {}, title), legend, plot, nothing));
  const self = { graph: null, rows: [], selected: null };

  function say() {
    const r = self.selected !== null ? self.rows[self.selected] : self.rows[self.rows.length - 1];
    lines.forEach((l, i) => text(values[i], r ? l.show(r[i + 1]) : "–"));
  }
  self.select = (n) => {
    self.selected = n;
    if (n === null) self.graph?.clearSelection();
    else self.graph?.setSelection(n);
    say();
  };
  // One second in all charts.  This one marks its own points by itself.
  function selectAll(n) {
    self.selected = n;
    say();
    charts.forEach((c) => c !== self && c.rows.length === self.rows.length && c.select(n));
  }
  const paint = () => ({
    colors: lines.map((l) => colour(l.colour)), gridLineColor: colour("line"), axisLineColor: colour("line"),
  });
  self.repaint = () => self.graph?.updateOptions(paint());
  charts.push(self);

  function create() {
    const right = lines.some((l) => l.right);
    self.graph = new Dygraph(plot, self.rows, {
      labels: ["time", ...lines.map((l) => l.name)], ...paint(), strokeWidth: 1.6, includeZero: true, fillGraph: !right, fillAlpha: 0.1,
      legend: "never", labelsKMB: false, animatedZooms: false, axisLabelFontSize: 12, highlightCircleSize: 3, rightGap: right ? 4 : 8,
      connectSeparatedPoints: false, xRangePad: 0, yRangePad: 4,
      series: Object.fromEntries(lines.filter((l) => l.right).map((l) => [l.name, { axis: "y2" }])),
      axes: {
        y: { axisLabelFormatter: axis, axisLabelWidth: 52, pixelsPerLabel: 36 },
        y2: { axisLabelFormatter: axisRight ?? axis, axisLabelWidth: 62, pixelsPerLabel: 36, drawGrid: false, independentTicks: true, includeZero: true, labelsKMG2: binary },
        x: { pixelsPerLabel: 70 },
      },
      highlightCallback: (event, x, points, n) => selectAll(n),
      unhighlightCallback: () => selectAll(null),
    });
  }

  return {
    draw(rows) {
      self.rows = rows;
      const why = empty?.(rows) ?? (rows.length < 2 ? "Waiting for the first seconds." : null);
      nothing.hidden = why === null;
      plot.hidden = legend.hidden = why !== null;
      if (why !== null) {
        text(nothing, why);
        return;
      }
      if (self.graph === null) create();
      else self.graph.updateOptions({ file: rows });
      if (self.selected !== null && self.selected >= rows.length) self.selected = null;
      say();
    },
  };
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((c) => c.repaint()));
