// Numbers and times for people, in the browser's language.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const four = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });
const eight = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 8 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const known = (v) => v !== null && v !== undefined && Number.isFinite(Number(v));

export const count = (v) => (known(v) ? whole.format(v) : "–");

// 1,234 · 56.7 k · 8.9 M: a rate or an amount that is read at a glance.
export function short(v) {
  if (!known(v)) return "–";
  const n = Math.abs(v);
  if (n < 1e-6) return "0";
  if (n >= 1e9) return `${three.format(v / 1e9)} G`;
  if (n >= 1e6) return `${three.format(v / 1e6)} M`;
  if (n >= 1e4) return `${three.format(v / 1e3)} k`;
  return n >= 100 || Number.isInteger(v) ? whole.format(v) : three.format(v);
}

export const value = (v) => (known(v) ? eight.format(v) : "–");
export const figure = (v) => (known(v) ? four.format(v) : "–");
export const rate = (v) => (known(v) ? `${short(v)}/s` : "–");

// [number, unit]
export function bytesParts(v) {
  if (!known(v)) return ["–", ""];
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  if (Math.abs(v) < 1) return ["0", "B"];
  let i = 0;
  for (; Math.abs(v) >= 1024 && i < units.length - 1; i++) v /= 1024;
  return [three.format(v), units[i]];
}
export const bytes = (v) => bytesParts(v).join(" ").trim();

export function percent(part, all) {
  if (!(all > 0)) return "0 %";
  const p = (part / all) * 100;
  return p > 0 && p < 0.001 ? "< 0.001 %" : `${three.format(p)} %`;
}

export const at = (seconds) => (known(seconds) ? clock.format(new Date(seconds * 1000)) : "–");
export const time = (seconds) => {
  const d = new Date(seconds * 1000);
  return { text: clock.format(d), iso: d.toISOString() };
};

export function span(seconds) {
  if (!known(seconds)) return "–";
  if (seconds > 0 && seconds < 10) return `${three.format(seconds)} s`;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const two = (n, unit, m, lesser) => (m === 0 ? `${n} ${unit}` : `${n} ${unit} ${m} ${lesser}`);
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
}

export const ago = (seconds) => (known(seconds) ? `${span(Math.round(Date.now() / 1000 - seconds))} ago` : "–");

// What has no width, or turns the direction of what follows, as a character that one sees: a name looks like what it is.
export const printable = (s) => s.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\uFFFD");
