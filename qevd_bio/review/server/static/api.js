// Calls to the server. A refusal carries the reasons that the server gave.

export class Refused extends Error {
  constructor(status, answer) {
    super(answer?.error ?? `the server answered ${status}`);
    this.status = status;
    this.answer = answer ?? {};
  }
}

/**
 * The server did not answer, or says that it cannot now: the same call may be made again.
 * `words` are for the annotator, with the cause as far as the server gave one.
 */
export class Unreachable extends Error {
  constructor(message, cause = "") {
    super(message);
    this.words = cause ? `The server cannot answer now. ${cause}` : "The server does not answer. Is it still running?";
  }
}

const TRY_AGAIN = new Set([408, 429, 500, 502, 503, 504]);
const WAITS_MS = [300, 700, 1500, 3000, 5000];

/** Make a call again and again until it is answered; `onWait(error, attempt)` hears why it is not. */
export async function untilAnswered(call, onWait, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      onWait(error, attempt);
    }
    await new Promise((done) => setTimeout(done, WAITS_MS[Math.min(attempt, WAITS_MS.length) - 1]));
    signal?.throwIfAborted();
  }
}

let annotator = null;

/** Say on whose behalf this page calls: another tab may sign the browser in as somebody else. */
export function identify(name) {
  annotator = encodeURIComponent(name);
}

async function call(address, { headers = {}, ...options }) {
  let response;
  if (annotator) headers["Review-Annotator"] = annotator;
  try {
    response = await fetch(address, { credentials: "same-origin", cache: "no-store", headers, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(error.message);
  }
  let answer;
  try {
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // The server died while it answered: whether it acted is unknown.
    if (response.ok) throw new Unreachable("the answer is cut off");
  }
  if (TRY_AGAIN.has(response.status)) throw new Unreachable(`status ${response.status}`, answer?.error);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

export const get = (address, signal) => call(address, { signal });

export const post = (address, body, signal) =>
  call(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
