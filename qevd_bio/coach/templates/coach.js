"use strict";
const film = document.querySelector("video");
const places = [...document.querySelectorAll(".strip button")];
const heads = [...document.querySelectorAll(".follows")].map((figure) => {
  const svg = figure.querySelector("svg");
  const [left, right] = [Number(figure.dataset.left), svg.viewBox.baseVal.width - Number(figure.dataset.right)];
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  line.setAttribute("class", "playhead");
  line.setAttribute("y1", 20);
  line.setAttribute("y2", svg.viewBox.baseVal.height - 32);
  svg.append(line);
  return { line, left, right };
});
function follow() {
  const now = film.currentTime;
  const share = film.duration ? Math.min(now / film.duration, 1) : 0;
  for (const { line, left, right } of heads) {
    const x = left + share * (right - left);
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  }
  for (const one of places) {
    one.classList.toggle("now", now >= Number(one.dataset.at) && now < Number(one.dataset.end));
  }
  if (!film.paused) requestAnimationFrame(follow);
}
for (const one of document.querySelectorAll("[data-at]")) {
  one.addEventListener("click", () => {
    film.currentTime = Number(one.dataset.at);
    film.scrollIntoView({ block: "nearest" });
  });
}
for (const event of ["play", "seeked", "timeupdate", "loadedmetadata"]) film.addEventListener(event, follow);
