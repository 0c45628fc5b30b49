// Choices that stay from item to item and from day to day: kept in this browser.

const PREFIX = "qevd-bio-review:";
const DEFAULTS = {
  speed: 1,
  zoom: 1,
  loop: true,
  skeleton: true,
  playing: true,
  span: "cycle",
  shortcuts: true,
};

function stored() {
  try {
    return JSON.parse(localStorage.getItem(`${PREFIX}settings`) ?? "{}");
  } catch {
    return {};
  }
}

const values = { ...DEFAULTS, ...stored() };

export const settings = {
  get: (name) => values[name],
  set(name, value) {
    values[name] = value;
    localStorage.setItem(`${PREFIX}settings`, JSON.stringify(values));
  },
};

export function theme() {
  return localStorage.getItem(`${PREFIX}theme`) ?? "auto";
}

export function setTheme(name) {
  localStorage.setItem(`${PREFIX}theme`, name);
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}
