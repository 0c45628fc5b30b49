// Verdicts on their way to the server: kept in this browser until the server has them.

import { post, Refused, untilAnswered } from "./api.js";

export class Outbox {
  /**
   * `store` names the file of the verdicts: a server of another one may have this address later.
   * `onTrouble(words | null)` says what keeps a verdict from being stored.
   */
  constructor(store, annotator, onTrouble) {
    this.prefix = `qevd-bio-review:unsent:${store}:${annotator}:`;
    this.onTrouble = onTrouble;
  }

  /** Send; retries with the same event id until the server answers, and returns the answer. */
  async deliver(address, event) {
    const key = this.prefix + event.event_id;
    localStorage.setItem(key, JSON.stringify({ address, event, at_ms: Date.now() }));
    try {
      const answer = await untilAnswered(
        () => post(address, event),
        ({ words }, attempt) =>
          this.onTrouble(
            `${words} Your verdict is not stored yet: it is kept in this browser and is sent again ` +
              `until it is stored (attempt ${attempt + 1}).`,
          ),
      );
      localStorage.removeItem(key);
      this.onTrouble(null);
      return answer;
    } catch (error) {
      if (error instanceof Refused && error.status !== 401) localStorage.removeItem(key);
      throw error;
    }
  }

  /** Events that an earlier visit could not deliver, oldest first. */
  unsent() {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => JSON.parse(localStorage.getItem(key)))
      .sort((a, b) => a.at_ms - b.at_ms);
  }
}
