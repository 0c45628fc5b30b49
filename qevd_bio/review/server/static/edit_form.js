// The edit of a sentence, checked by the server while the annotator types.

import { post, Refused, Unreachable } from "./api.js";
import { byId, el, replace } from "./dom.js";

const CHECK_AFTER_MS = 150;

export class EditForm {
  /** `onSave(text)` runs for a text that the check has passed; `onLeave()` after Esc. */
  constructor(onSave, onLeave) {
    this.form = byId("edit-form");
    this.text = byId("edit-text");
    this.problems = byId("edit-problems");
    this.onSave = onSave;
    this.onLeave = onLeave;
    this.text.addEventListener("input", () => this.#checkSoon());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    byId("edit-leave").addEventListener("click", () => this.leave());
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.leave();
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  get isOpen() {
    return !this.form.hidden;
  }

  open(id, text) {
    this.id = id;
    this.form.hidden = false;
    this.text.value = text;
    this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
    this.#show([]);
    this.#checkSoon();
  }

  close() {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.form.hidden = true;
  }

  leave() {
    this.close();
    this.onLeave();
  }

  async save() {
    clearTimeout(this.timer);
    const text = this.text.value;
    if (await this.#check()) this.onSave(text);
  }

  #checkSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#check(), CHECK_AFTER_MS);
  }

  /** Whether the server finds no fault in the text as it is now. */
  async #check() {
    this.asked?.abort();
    this.asked = new AbortController();
    const text = this.text.value;
    try {
      const answer = await post("/api/check-edit", { item: this.id, text }, this.asked.signal);
      this.#show(answer.problems);
      return answer.problems.length === 0;
    } catch (error) {
      if (error.name === "AbortError") return false;
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
      this.#show([`Not checked: ${error.words ?? error.message}`]);
      return false;
    }
  }

  #show(problems) {
    this.text.setAttribute("aria-invalid", problems.length > 0);
    byId("edit-save").setAttribute("aria-disabled", problems.length > 0);
    const same = [...this.problems.children].map((item) => item.textContent);
    if (same.join("\n") === problems.join("\n")) return;
    replace(this.problems, ...problems.map((problem) => el("li", {}, problem)));
  }
}
