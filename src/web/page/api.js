// What the page asks of /api/v1/, and when: only what is on the screen, and only while the page is shown.

const root = new URL("api/v1/", document.baseURI);

export const urlOf = (path, args = {}) => {
  const u = new URL(path, root);
  for (const [name, value] of Object.entries(args)) {
    if (value !== "" && value !== null && value !== undefined) u.searchParams.set(name, value);
  }
  return u;
};

// The answer's object; an Error with what the server said otherwise.
export async function ask(path, args, options = {}) {
  let answer;
  try {
    answer = await fetch(urlOf(path, args), { cache: "no-store", ...options });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Error("the server does not answer");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(body?.error ?? `the server answered ${answer.status}`);
  if (body === null) throw new Error("the answer is no JSON");
  return body;
}

/*
 * Calls `work` now and then every `everyMs`, while `where` is on the screen or near it.  One call at a time; after a failure the
 * next one waits longer.  Returns a function that calls it at once.
 */
export function poll(where, everyMs, work) {
  let timer = null, near = false, busy = false, again = false, failures = 0;
  const wanted = () => near && !document.hidden;
  async function run() {
    clearTimeout(timer);
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    again = false;
    try {
      await work();
      failures = 0;
    } catch {
      failures++;
    }
    busy = false;
    if (again) run();
    else if (wanted()) timer = setTimeout(run, everyMs * Math.min(1 + failures, 8));
  }
  const look = () => (wanted() ? run() : clearTimeout(timer));
  new IntersectionObserver((seen) => {
    near = seen[seen.length - 1].isIntersecting;
    look();
  }, { rootMargin: "300px" }).observe(where);
  document.addEventListener("visibilitychange", look);
  return run;
}
