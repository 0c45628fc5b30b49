// The joints of the item's segment as chips: pressed ones count. Each change is stored at once.

import { get, post, Refused, Unreachable } from "./api.js";
import { byId, el, replace } from "./dom.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
const PARTS = { standard: "", execution: "in this execution", disputed: "the model was not sure" };

export class JointChips {
  /** `announce(words)` tells what was done; `refuse(words | null)` what was not. */
  constructor(announce, refuse) {
    this.announce = announce;
    this.refuse = refuse;
    this.id = null;
    this.chips = null;
    byId("joint-chips").addEventListener("keydown", (event) => this.#move(event));
    byId("joints-confirm").addEventListener("click", () => this.confirm());
  }

  get isShown() {
    return this.chips !== null;
  }

  async load(id) {
    this.id = id;
    this.#take(id, null);
    let answer;
    try {
      answer = await get(`/api/joints/${id}`);
    } catch (error) {
      if (error instanceof Refused || error instanceof Unreachable) return;
      throw error;
    }
    this.#take(id, answer.chips);
  }

  focus() {
    if (!this.isShown) {
      this.announce("No joints are reviewed here.");
      return;
    }
    byId("joint-chips").querySelector("[tabindex='0']").focus();
  }

  /** Store the joints as they are. */
  confirm() {
    if (this.isShown) this.#store(this.chips.joints, "Joints confirmed.");
  }

  #toggle({ joint, words }) {
    const { joints } = this.chips;
    const has = joints.includes(joint);
    const left = has ? joints.filter((one) => one !== joint) : [...joints, joint];
    if (!left.length) {
      this.refuse("One joint at least counts in every exercise.");
      return;
    }
    this.#store(left, `${words} ${has ? "removed" : "added"}.`);
  }

  async #store(joints, words) {
    if (this.busy) return;
    this.busy = true;
    this.refuse(null);
    const { id } = this;
    try {
      const event = { event_id: crypto.randomUUID(), item: id, joints };
      const answer = await post("/api/joints", event);
      this.#take(id, answer.chips);
      this.announce(words);
    } catch (error) {
      if (error instanceof Refused) this.refuse(`Refused: ${error.message}`);
      else if (error instanceof Unreachable) {
        this.refuse("The server does not answer: the joints are as they were. Try again.");
      } else throw error;
    } finally {
      this.busy = false;
    }
  }

  /** Show chips, unless another item was loaded in the meantime. */
  #take(id, chips) {
    if (id !== this.id) return;
    const held = document.activeElement?.closest?.("#joint-chips") && document.activeElement.dataset.joint;
    this.chips = chips;
    byId("joints").hidden = !chips;
    if (!chips) return;
    byId("joints-state").textContent = chips.reviewed ? "as you left them" : "as the model named them";
    const at = Math.max(0, chips.all.findIndex((one) => one.joint === held));
    replace(byId("joint-chips"), ...chips.all.map((one, i) => this.#chip(one, i === at)));
    if (held) byId("joint-chips").children[at].focus();
    const seen = chips.all.filter((one) => one.seen);
    byId("joints-seen").hidden = !seen.length;
    replace(byId("joints-seen"), ...seen.map((one) => el("li", {}, `${one.words}: ${one.seen}`)));
  }

  #chip(one, isFirst) {
    const pressed = this.chips.joints.includes(one.joint);
    const note = PARTS[one.part] ? el("span", { class: "heard-only" }, `, ${PARTS[one.part]}`) : "";
    const chip = el(
      "button",
      {
        type: "button",
        class: `chip ${one.part}`,
        "data-joint": one.joint,
        "aria-pressed": String(pressed),
        tabindex: isFirst ? 0 : -1,
      },
      one.words,
      note,
    );
    chip.addEventListener("click", () => this.#toggle(one));
    return chip;
  }

  #move(event) {
    const chips = [...byId("joint-chips").children];
    const at = chips.indexOf(document.activeElement);
    const ends = { Home: 0, End: chips.length - 1 };
    const to = event.key in ends ? ends[event.key] : at + (STEPS[event.key] ?? 0);
    if (at < 0 || !(event.key in ends || event.key in STEPS)) return;
    event.preventDefault();
    const next = chips[(to + chips.length) % chips.length];
    chips[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}
