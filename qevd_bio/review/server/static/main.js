// The page: shows an item, takes a verdict, shows the next.

import { get, identify, Refused, Unreachable, untilAnswered } from "./api.js";
import { Controls } from "./controls.js";
import { Curves } from "./curves.js";
import { byId, el, replace } from "./dom.js";
import { EditForm } from "./edit_form.js";
import { FilterForm } from "./filters.js";
import { drawFindings } from "./findings.js";
import { Timeline } from "./frames.js";
import { JointChips } from "./joints.js";
import { fillHelp, listen } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Player } from "./player.js";
import { ReasonPanel } from "./reasons.js";
import { drawEarlier, drawFacts, drawGiven, drawSentences, drawUnread } from "./sentence.js";
import { SkeletonLayer } from "./skeleton.js";

const SIGNED_OUT =
  "The server was started anew or this session has ended. Open the address that it printed. ";
const KEPT = "Your unsent verdict is kept in this browser and is sent then.";

class Review {
  constructor(session) {
    this.session = session;
    this.answer = null;
    this.busy = false;
    this.outbox = new Outbox(session.store, session.annotator, (words) => trouble(words));
    this.curves = new Curves(byId("curves"), (frame) => this.player.seek(frame));
    this.skeleton = new SkeletonLayer(
      byId("skeleton"),
      (id) => this.#skeleton(id),
      (found) => this.controls.skeletonCame(found),
    );
    this.player = new Player(
      byId("video"),
      (frame, isShown) => this.#drawFrame(frame, isShown),
      () => this.controls?.show(),
    );
    this.controls = new Controls(this.player, this.skeleton, this.curves);
    this.edit = new EditForm((text) => this.judge("edited", { text }), () => this.#focusItem());
    this.reasons = new ReasonPanel(
      session.reasons,
      (reason, note) => this.judge("rejected", { reason: reason.id, note }),
      () => this.#focusItem(),
    );
    this.joints = new JointChips(announce, refusal);
    this.filters = new FilterForm(
      session.filters,
      () => this.next(null),
      () => this.#followAddress(),
    );
    this.#wire();
  }

  async begin() {
    await this.#once(async () => {
      for (const { address, event } of this.outbox.unsent()) await this.#send(address, event);
    });
    await this.#followAddress();
  }

  /** Show the item that the address names, else the next open one. */
  async #followAddress() {
    const id = location.hash.slice(1);
    if (id) await this.#fetch(`/api/item/${encodeURIComponent(id)}?${this.filters.query}`);
    // The address may name an item of another folder.
    if (!id || !this.answer) await this.next(null);
  }

  /** Show the next open item, from what was fetched ahead if that is still right. */
  async next(after = this.answer?.item?.id ?? null) {
    const ahead = after && this.ahead?.after === after && this.ahead.query === this.filters.query;
    if (ahead) {
      const found = await this.ahead.found;
      // The last open item comes after itself, until it is judged.
      if (found?.item && found.item.id !== after) {
        this.#show({ ...found, progress: this.progress });
        return;
      }
    }
    await this.#fetch(this.#nextAddress(after));
  }

  async previous() {
    const before = this.answer?.item?.id ?? "";
    await this.#fetch(`/api/previous?${this.#query({ before })}`, "This is the first item.");
  }

  /** Store a verdict; the next item is shown only after the server has it. */
  async judge(verdict, given = {}) {
    const shown = this.answer;
    const view = shown?.item;
    if (!view || this.busy) return;
    refusal(null);
    const event = {
      event_id: crypto.randomUUID(),
      item: view.id,
      judged: view.digest,
      verdict,
      seconds: Math.round(this.#secondsSpent() * 100) / 100,
      adjudication: this.filters.isAdjudicating,
      ...given,
    };
    await this.#once(async () => {
      // Where it is stored and the next item did not come, only that is tried again.
      if (!shown.isStored && !(await this.#send(`/api/verdict?${this.filters.query}`, event))) return;
      shown.isStored = true;
      if (this.answer?.item?.id !== view.id) {
        // The annotator went elsewhere while it was sent, and stays there.
        this.ahead = null;
        this.#drawProgress(this.progress);
        announce(`${this.#verdictWords(event)}.`);
        return;
      }
      this.reasons.close();
      this.edit.close();
      this.said = `${this.#verdictWords(event)}. `;
      await this.next(view.id);
    });
  }

  async undoLast() {
    if (this.busy) return;
    const event = { event_id: crypto.randomUUID() };
    await this.#once(async () => {
      const answer = await this.#send(`/api/undo?${this.filters.query}`, event);
      if (!answer) return;
      if (!answer.item) {
        announce("There is nothing to undo.");
        return;
      }
      this.said = "Verdict undone. ";
      this.#show(answer);
    });
  }

  /** Do something after which another item is shown; verdicts wait until then. */
  async #once(act) {
    this.#setBusy(true);
    try {
      await act();
    } finally {
      this.#setBusy(false);
    }
  }

  #wire() {
    const isKept = () => this.answer?.item && this.answer.item.status !== "rewritten";
    const open = (panel, ...given) => {
      if (!this.answer?.item || this.busy) return;
      (panel === this.edit ? this.reasons : this.edit).close();
      panel.open(...given);
    };
    const actions = {
      ...this.controls.actions,
      accept: () => this.judge(isKept() ? "kept_rightly" : "accepted"),
      reject: () => (isKept() ? this.judge("should_be_rewritten") : open(this.reasons)),
      edit: () => open(this.edit, this.answer?.item?.id, this.answer?.item?.feedback),
      skip: () => this.judge("skipped"),
      undo: () => this.undoLast(),
      joints: () => this.joints.focus(),
      confirmJoints: () => this.joints.confirm(),
      next: () => this.next(),
      previous: () => this.previous(),
      guidelines: () => this.#toggleGuidelines(),
      search: () => this.filters.open(true),
      help: () => byId("help").showModal(),
      digit: (key) => this.reasons.isOpen && /^[0-9]$/.test(key) && this.reasons.chooseNumber(Number(key)),
      escape: () => this.#escape(),
    };
    for (const name of ["accept", "reject", "edit", "skip", "undo", "next", "previous", "guidelines", "help"]) {
      byId(`${name}-button`).addEventListener("click", actions[name]);
    }
    byId("filters-button").addEventListener("click", () =>
      this.filters.isOpen ? this.filters.close() : this.filters.open(true),
    );
    byId("guidelines-close").addEventListener("click", actions.guidelines);
    document.addEventListener("visibilitychange", () => this.#clock(document.hidden));
    listen(actions);
  }

  async #send(address, event) {
    try {
      const answer = await this.outbox.deliver(address, event);
      this.progress = answer.progress;
      return answer;
    } catch (error) {
      this.#explain(error, KEPT);
      return null;
    }
  }

  /** Show what an address answers; `ifNone` is said instead where that is no item. */
  async #fetch(address, ifNone = "") {
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    try {
      const answer = await untilAnswered(
        () => get(address, signal),
        ({ words }) => trouble(`${words} The page asks again by itself.`),
        signal,
      );
      trouble(null);
      if (answer.item || !ifNone) this.#show(answer);
      else announce(ifNone);
    } catch (error) {
      if (error.name !== "AbortError") this.#explain(error, "");
    }
  }

  async #skeleton(id) {
    try {
      return await get(`/api/skeleton/${id}`);
    } catch (error) {
      if (error instanceof Refused || error instanceof Unreachable) return null;
      throw error;
    }
  }

  #show(answer) {
    this.answer = answer;
    this.progress = answer.progress;
    const view = answer.item;
    this.edit.close();
    this.reasons.close();
    this.#drawProgress(answer.progress);
    byId("done").hidden = Boolean(view);
    byId("review").hidden = !view;
    if (!view) {
      this.player.load({ loop_frames: [0, 0], key_frame: 0, has_video: false }, new Timeline([]));
      announce(`${this.said ?? ""}No open item is left.`);
      byId("done").focus();
      this.said = "";
      return;
    }
    history.replaceState(null, "", `${location.pathname}${location.search}#${view.id}`);
    drawSentences(view);
    drawFacts(view);
    drawUnread(view);
    drawEarlier(answer, (verdict) => this.#verdictWords(verdict));
    drawGiven(answer.given, (verdict) => this.#verdictWords(verdict));
    drawFindings(view.findings);
    this.#labelVerdicts(view.status !== "rewritten");
    const timeline = new Timeline(view.frames.media_s);
    this.curves.load(view, timeline);
    this.player.load(view, timeline, `/media/${view.id}`);
    this.controls.load(view, timeline);
    this.skeleton.load(view.id);
    this.joints.load(view.id);
    this.#announceItem(view, answer.progress);
    this.spentMs = 0;
    this.since = document.hidden ? null : performance.now();
    this.#fetchAhead(view.id);
  }

  #fetchAhead(after) {
    const { query } = this.filters;
    const found = get(this.#nextAddress(after)).catch(() => null);
    this.ahead = { after, query, found };
  }

  #nextAddress(after) {
    return `/api/next?${this.#query(after ? { after } : {})}`;
  }

  #query(more) {
    const query = new URLSearchParams(this.filters.query);
    for (const [name, value] of Object.entries(more)) query.set(name, value);
    return query;
  }

  #drawFrame(frame, isShown) {
    this.skeleton.draw(isShown ? frame : null);
    this.curves.setFrame(frame);
    this.controls?.showFrame(frame, isShown);
  }

  #drawProgress({ done, total }) {
    byId("progress").max = Math.max(total, 1);
    byId("progress").value = done;
    byId("progress-words").textContent = `${done} of ${total}`;
  }

  #labelVerdicts(isKept) {
    byId("accept-words").textContent = isKept ? "Kept rightly" : "Accept";
    byId("reject-words").textContent = isKept ? "Should have been rewritten" : "Reject";
  }

  #verdictWords({ verdict, reason }) {
    const words = this.session.verdicts[verdict] ?? verdict;
    const why = this.session.reasons.find((one) => one.id === reason);
    return why ? `${words}: ${why.words}` : words;
  }

  #announceItem(view, { done, total }) {
    const sentences =
      view.original === view.feedback
        ? `Kept: ${view.original}`
        : `Old: ${view.original} New: ${view.feedback}`;
    const unread = view.unread ? " The motion cannot be read." : "";
    announce(`${this.said ?? ""}${done} of ${total} judged. ${view.exercise || "Item"}. ${sentences}${unread}`);
    this.said = "";
    // What had the focus may be gone with the panel it was in.
    if (!document.activeElement || document.activeElement === document.body) return;
    if (!document.activeElement.checkVisibility()) this.#focusItem();
  }

  #focusItem() {
    byId("item-title").focus({ preventScroll: true });
  }

  #toggleGuidelines() {
    const panel = byId("guidelines");
    panel.hidden = !panel.hidden;
    byId("guidelines-button").setAttribute("aria-expanded", !panel.hidden);
    (panel.hidden ? byId("guidelines-button") : panel).focus();
  }

  #escape() {
    if (this.reasons.isOpen) this.reasons.leave();
    else if (this.edit.isOpen) this.edit.leave();
    else if (this.filters.isOpen) {
      this.filters.close();
      this.#focusItem();
    } else if (!byId("guidelines").hidden) this.#toggleGuidelines();
  }

  #clock(hidden) {
    if (hidden && this.since !== null) {
      this.spentMs += performance.now() - this.since;
      this.since = null;
    } else if (!hidden) this.since = performance.now();
  }

  #secondsSpent() {
    const now = this.since === null ? 0 : performance.now() - this.since;
    return Math.min((this.spentMs + now) / 1000, 3600);
  }

  #setBusy(busy) {
    this.busy = busy;
    byId("verdicts").setAttribute("aria-busy", busy);
  }

  #explain(error, kept) {
    if (error instanceof Refused && error.status === 401) trouble(signedOut(error) + kept);
    else if (error instanceof Refused) refusal(`Refused: ${error.message}`);
    else throw error;
  }
}

function signedOut({ answer }) {
  if (!answer.annotator) return SIGNED_OUT;
  return `This browser is signed in as ${answer.annotator} now. Open your own address again, or go on as ${answer.annotator} by reloading. `;
}

function announce(words) {
  byId("live").textContent = words;
}

/** Show that the server is away, until it answers again. */
function trouble(words) {
  showIn(byId("banner"), words);
}

/** Show what the server refused, until the annotator acts again. */
function refusal(words) {
  showIn(byId("refusal"), words);
}

function showIn(box, words) {
  box.hidden = !words;
  box.textContent = words ?? "";
}

function fillGuidelines(guidelines) {
  const parts = guidelines.map(({ heading, points }) =>
    el("section", {}, el("h3", {}, heading), el("ul", {}, ...points.map((point) => el("li", {}, point)))),
  );
  replace(byId("guideline-parts"), ...parts);
}

async function start() {
  try {
    const session = await untilAnswered(
      () => get("/api/session"),
      ({ words }) => trouble(`${words} The page asks again by itself.`),
    );
    trouble(null);
    identify(session.annotator);
    byId("annotator").textContent = session.annotator;
    byId("source").textContent = session.source;
    fillGuidelines(session.guidelines.sections);
    fillHelp();
    const review = new Review(session);
    await review.begin();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) trouble(signedOut(error));
    else {
      trouble(`The page failed: ${error.message}`);
      throw error;
    }
  }
}

start();
