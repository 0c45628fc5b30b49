// The numbered reasons of a rejection.

import { byId, el, replace } from "./dom.js";

const NEEDS_NOTE = "other";

export class ReasonPanel {
  /** `onChoose(reason, note)` runs when a reason is chosen; `onLeave()` after Esc. */
  constructor(reasons, onChoose, onLeave) {
    this.reasons = reasons;
    this.panel = byId("reasons");
    this.note = byId("reason-note");
    this.onChoose = onChoose;
    this.onLeave = onLeave;
    const buttons = reasons.map((reason) => {
      const button = el("button", { type: "button" }, el("kbd", {}, reason.number), ` ${reason.words}`);
      button.addEventListener("click", () => this.choose(reason));
      return el("li", {}, button);
    });
    replace(byId("reason-list"), ...buttons);
    byId("reasons-leave").addEventListener("click", () => this.leave());
    this.note.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.choose(reasons.find((reason) => reason.id === NEEDS_NOTE));
    });
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  open() {
    this.panel.hidden = false;
    this.note.value = "";
    byId("note-needed").hidden = true;
    this.panel.querySelector("button").focus();
  }

  close() {
    this.panel.hidden = true;
  }

  leave() {
    this.close();
    this.onLeave();
  }

  /** Choose by number; returns whether the number has a reason. */
  chooseNumber(number) {
    const reason = this.reasons.find((one) => one.number === number);
    if (reason) this.choose(reason);
    return Boolean(reason);
  }

  choose(reason) {
    const note = this.note.value.trim();
    if (reason.id === NEEDS_NOTE && !note) {
      byId("note-needed").hidden = false;
      this.note.focus();
      return;
    }
    this.onChoose(reason, note);
  }
}
