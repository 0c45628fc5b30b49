// Filters: a form whose state is the query of the page's address, so a link shows the same queue.

import { byId, el, replace } from "./dom.js";

// What the server takes where a filter is not set.
const UNSET = { status: "rewritten", order: "least certain first" };

const LABELS = {
  q: "Words or video",
  exercise: "Exercise",
  split: "Split",
  status: "Status",
  kind: "Kind",
  finding: "Finding",
  verdict: "Verdict",
  annotator: "Annotator",
  disagreement: "Annotators disagree",
  passed: "Passed as certain",
  order: "Order",
};

export class FilterForm {
  /**
   * `choices` lists the values of each filter; `onChange()` runs when another is chosen, `onMove()`
   * when the browser goes to another address of this page, back or by a link.
   */
  constructor(choices, onChange, onMove) {
    this.panel = byId("filters");
    this.onChange = onChange;
    this.names = Object.keys(choices);
    replace(byId("filter-fields"), ...this.names.map((name) => field(name, choices[name])));
    this.panel.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply();
    });
    this.panel.addEventListener("change", () => this.#apply());
    byId("filters-clear").addEventListener("click", () => {
      history.pushState(null, "", location.pathname);
      this.#changed();
    });
    window.addEventListener("popstate", () => {
      this.#fill();
      onMove();
    });
    this.#fill();
  }

  /** The query as the server reads it, without the question mark. */
  get query() {
    return location.search.slice(1);
  }

  /** Whether the annotator decides between others who disagree. */
  get isAdjudicating() {
    return new URLSearchParams(this.query).get("disagreement") === "yes";
  }

  open(focus = false) {
    this.panel.hidden = false;
    byId("filters-button").setAttribute("aria-expanded", "true");
    if (focus) this.panel.querySelector("input, select").focus();
  }

  close() {
    this.panel.hidden = true;
    byId("filters-button").setAttribute("aria-expanded", "false");
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  #apply() {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(this.panel)) {
      if (value) query.append(name, value);
    }
    if (query.toString() === this.query) return;
    history.pushState(null, "", query.size ? `?${query}` : location.pathname);
    this.#changed();
  }

  #changed() {
    this.#fill();
    this.onChange();
  }

  #fill() {
    const query = new URLSearchParams(this.query);
    for (const control of this.panel.querySelectorAll("input, select")) {
      control.value = query.get(control.name) ?? "";
    }
    const active = [...query].map(([name, value]) => `${LABELS[name] ?? name}: ${value}`);
    byId("active-filters").textContent = active.join(" · ");
    byId("active-filters").hidden = active.length === 0;
  }
}

function field(name, values) {
  const id = `filter-${name}`;
  const label = el("label", { for: id }, LABELS[name] ?? name);
  if (values === null) {
    const input = el("input", { id, name, type: "search", autocomplete: "off", maxlength: 100 });
    return el("div", { class: "field" }, label, input);
  }
  const options = values
    .filter((value) => value !== UNSET[name])
    .map((value) => el("option", { value }, value.replaceAll("_", " ")));
  const select = el("select", { id, name }, el("option", { value: "" }, UNSET[name] ?? "any"), ...options);
  return el("div", { class: "field" }, label, select);
}
