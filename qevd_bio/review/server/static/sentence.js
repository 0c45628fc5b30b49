// The old and the new sentence, and what else is known of the item.

import { byId, el, replace } from "./dom.js";

const SPOKEN = { deleted: "deleted: ", inserted: "inserted: " };
const TAGS = { same: "span", deleted: "del", inserted: "ins" };

/** Pieces of a word diff; a change is told by strike or underline, by weight, colour and words. */
function pieceNodes(pieces, left) {
  return pieces
    .filter((piece) => piece.change !== left)
    .map((piece) => {
      if (piece.change === "same") return el("span", {}, piece.text);
      const spoken = el("span", { class: "heard-only" }, SPOKEN[piece.change]);
      const end = el("span", { class: "heard-only" }, " ");
      return el(TAGS[piece.change], {}, spoken, piece.text, end);
    });
}

export function drawSentences(view) {
  const isChanged = view.original !== view.feedback;
  const pieces = view.pieces.length ? view.pieces : [{ text: view.original, change: "same" }];
  replace(byId("old"), ...pieceNodes(pieces, "inserted"));
  replace(byId("new"), ...(isChanged ? pieceNodes(pieces, "deleted") : ["(the same)"]));
  byId("new-row").classList.toggle("unchanged", !isChanged);
}

export function drawFacts(view) {
  const exercise = view.exercise_text || view.exercise || "between exercises";
  byId("item-title").textContent = `${exercise}, video ${view.video_id}`;
  const facts = [
    `split ${view.split}`,
    view.kind,
    view.status === "rewritten" ? "rewritten" : `${view.status.replaceAll("_", " ")}: ${view.reason}`,
    ...view.concerns,
    view.order,
  ];
  replace(byId("facts"), ...facts.filter(Boolean).map((fact) => el("li", {}, fact)));
}

/** Why there are no curves, where the motion is there and cannot be read. */
export function drawUnread(view) {
  byId("unread").hidden = !view.unread;
  byId("unread").textContent = view.unread
    ? `The motion cannot be read. ${view.unread} Judge by sentences and findings, or skip the sentence.`
    : "";
}

/** What the annotator said earlier, and whether it was about other words than these. */
export function drawEarlier(answer, words) {
  const box = byId("earlier");
  box.hidden = !answer.verdict;
  if (!answer.verdict) return;
  const said = [words(answer.verdict), answer.verdict.text && `“${answer.verdict.text}”`, answer.verdict.note];
  const line = said.filter(Boolean).join(" – ");
  box.classList.toggle("stale", answer.stale);
  box.textContent = answer.stale
    ? `Stale: the sentence or its findings were made anew since you judged (${line}). Please judge again.`
    : `Your verdict: ${line}. A new one replaces it.`;
}

/** Verdicts of others, which one sees only after one's own. */
export function drawGiven(given, words) {
  byId("given").hidden = given.length === 0;
  const lines = given.map((one) => {
    const said = [words(one), one.text && `“${one.text}”`, one.note].filter(Boolean).join(" – ");
    return el("li", {}, el("strong", {}, one.annotator), `: ${said}`);
  });
  replace(byId("given"), ...lines);
}
