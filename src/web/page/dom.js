// Elements from values.  Strangers name metrics, so all text goes in as text: there is no way to give HTML here.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

function fill(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined).map((c) => (c instanceof Node ? c : String(c))));
  return e;
}

export const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Writes only what differs, so that a reader's selection and a screen reader's place stay.
export function text(node, value) {
  const wanted = String(value);
  if (node.textContent !== wanted) node.textContent = wanted;
}

// rows: [key, make()] each; what had the same key before is kept as it is and given to update.
export function keyed(parent, rows, make, update) {
  const old = new Map([...parent.children].map((e) => [e.dataset.key, e]));
  let at = parent.firstElementChild;
  for (const [key, value] of rows) {
    let e = old.get(key);
    if (!e) {
      e = make(value);
      e.dataset.key = key;
    }
    old.delete(key);
    if (e === at) at = at.nextElementSibling;
    else parent.insertBefore(e, at);
    update?.(e, value);
  }
  old.forEach((e) => e.remove());
}

export const num = (value) => el("td", { class: "num" }, value);

export function row(head, ...cells) {
  return el("tr", {}, el("th", { scope: "row" }, head), ...cells.map((c) => (c instanceof HTMLTableCellElement ? c : el("td", {}, c))));
}

export const emptyRow = (columns, words) => el("tr", {}, el("td", { colspan: columns, class: "quiet" }, words));

// A line of values in a box of 120 x 24; a gap where a value is missing.
export function sparkPath(values) {
  const known = values.filter((v) => v !== null && Number.isFinite(v));
  if (known.length < 2) return "";
  const low = Math.min(...known), span = Math.max(...known) - low || 1, step = 118 / (values.length - 1);
  let pen = "M";
  return values.map((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      pen = "M";
      return "";
    }
    const point = `${pen}${(1 + i * step).toFixed(1)} ${(22 - ((v - low) / span) * 20).toFixed(1)}`;
    pen = "L";
    return point;
  }).join("");
}
