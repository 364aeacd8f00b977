// The box in which a datagram is explained.

import { ask } from "./api.js";
import { $ } from "./dom.js";

async function explain(event) {
  event.preventDefault();
  const out = $("explain-out");
  try {
    const got = await ask("explain", { framing: $("explain-framing").value }, { method: "POST", body: $("explain-in").value });
    out.textContent = got.text;
    out.classList.remove("bad-text");
  } catch (e) {
    out.textContent = e.message;
    out.classList.add("bad-text");
  }
  out.hidden = false;
}

export function build() {
  $("explain-form").addEventListener("submit", explain);
  $("explain-in").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) explain(event);
  });
}
