// The table of findings.

import { byId, el, replace } from "./dom.js";

const COLUMNS = ["measured", "target", "difference", "noise"];

function row(finding) {
  const name = el("th", { scope: "row" }, finding.name);
  if (finding.spoken) name.append(" ", el("span", { class: "tag" }, "in the sentence"));
  const cells = COLUMNS.map((column) => el("td", { class: "number" }, finding[column]));
  const verdict = el("td", { class: `band-${finding.band_verdict}` }, finding.verdict_words);
  return el("tr", { class: finding.spoken ? "spoken" : null }, name, ...cells, verdict);
}

export function drawFindings(findings) {
  byId("findings-table").hidden = findings.length === 0;
  byId("no-findings").hidden = findings.length > 0;
  replace(byId("findings"), ...findings.map(row));
}
