// One list of keys: it drives the page and fills the help.

import { byId, el, replace } from "./dom.js";
import { settings } from "./settings.js";

const TYPING = "input:not([type=checkbox]):not([type=range]), textarea, select";
const PRESSED_BY = { " ": "button, summary, a[href], input", Enter: "button, summary, a[href]" };

export const KEYS = [
  ["a", "accept", "Accept"],
  ["x", "reject", "Reject, then the number of a reason"],
  ["e", "edit", "Edit the new sentence (Ctrl+Enter saves, Esc leaves)"],
  ["s", "skip", "Skip"],
  ["u", "undo", "Undo your last verdict"],
  ["j", "next", "Next open item"],
  ["k", "previous", "Previous item"],
  [" ", "play", "Play or pause", "Space"],
  [",", "back", "One frame back"],
  [".", "forward", "One frame forward"],
  ["[", "slower", "Slower"],
  ["]", "faster", "Faster"],
  ["l", "loop", "Loop the cycle around the sentence"],
  ["b", "skeleton", "Show or hide the skeleton"],
  ["z", "zoom", "Zoom the video"],
  ["c", "span", "Curves of the cycle or of all"],
  ["n", "joints", "Joints of the segment: arrows move, Space adds or removes"],
  ["y", "confirmJoints", "Confirm the joints"],
  ["g", "guidelines", "Guidelines"],
  ["/", "search", "Search and filter"],
  ["?", "help", "This help"],
];

/** Call `actions[name]()` for its key, unless the reader types or a control uses the key. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const isSpecial = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
    if (isSpecial || event.defaultPrevented || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (key === "Escape") {
      actions.escape();
      return;
    }
    if (target.closest?.(TYPING) || (PRESSED_BY[key] && target.closest?.(PRESSED_BY[key]))) return;
    if (!settings.get("shortcuts") && key !== "?") return;
    if (actions.digit(key)) {
      event.preventDefault();
      return;
    }
    const found = KEYS.find(([own]) => own === key || own === key.toLowerCase());
    if (!found || (event.repeat && !["back", "forward", "next", "previous"].includes(found[1]))) return;
    event.preventDefault();
    actions[found[1]]();
  });
}

export function fillHelp() {
  const rows = KEYS.map(([key, , words, name]) =>
    el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, name ?? key)), el("td", {}, words)),
  );
  replace(byId("key-list"), ...rows);
  const box = byId("shortcuts");
  box.checked = settings.get("shortcuts");
  box.addEventListener("change", () => settings.set("shortcuts", box.checked));
}
