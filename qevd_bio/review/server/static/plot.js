// One measured curve as SVG.

import { el, svg } from "./dom.js";

const HEIGHT = 150;
const LEFT = 44;
const RIGHT = 8;
const TOP = 16;
const BOTTOM = 20;
const BANDS = ["guard", "tolerance", "target"];

export class Plot {
  constructor(curve, view, timeline, width, span, onSeek) {
    this.curve = curve;
    this.timeline = timeline;
    this.width = width;
    [this.from, this.to] = this.#shownTimes(view, span);
    [this.low, this.high] = this.#range();
    this.playhead = svg("line", { class: "playhead", y1: TOP - 4, y2: HEIGHT - BOTTOM });
    this.values = el("span", { class: "values" });
    const drawing = svg(
      "svg",
      { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": this.#words() },
      ...this.#bands(),
      ...this.#axes(),
      ...this.#cycles(),
      // The dashed right side last: both are seen where they agree.
      ...Object.entries(curve.sides).reverse().map(([side, values]) => this.#line(side, values)),
      ...curve.checked.map((checked) => this.#checkedValue(checked)),
      this.#keyFrame(view.key_frame),
      this.playhead,
    );
    this.#seekWithPointer(drawing, onSeek);
    const name = el("strong", {}, curve.label);
    const note = curve.note ? [el("span", { class: "note" }, curve.note)] : [];
    const caption = el("figcaption", {}, name, this.values, ...note);
    this.figure = el("figure", { class: "curve" }, caption, drawing);
  }

  setFrame(frame) {
    const t = this.timeline.time(frame);
    const isInside = t !== null && t >= this.from && t <= this.to;
    if (isInside) {
      this.playhead.setAttribute("x1", this.#x(t));
      this.playhead.setAttribute("x2", this.#x(t));
    }
    this.playhead.setAttribute("visibility", isInside ? "visible" : "hidden");
    this.figure.dataset.frame = frame;
    const words = Object.entries(this.curve.sides).map(([side, values]) => {
      const value = values[frame] ?? null;
      return [side, value === null ? "not measured" : this.#number(value)].filter(Boolean).join(" ");
    });
    this.values.textContent = words.join(" · ");
  }

  /** What a reader who does not see the curve needs of it. */
  #words() {
    const { curve } = this;
    const parts = [`Curve of ${curve.label}`];
    const [low, high] = curve.target ?? [null, null];
    if (low !== null) parts.push(`target from ${this.#number(low)}`);
    if (high !== null) parts.push(`target up to ${this.#number(high)}`);
    if (curve.target) parts.push(`tolerance ${this.#number(curve.tolerance)}`, `guard band ${this.#number(curve.guard)}`);
    for (const { side, value } of curve.checked) parts.push(`measured ${side} ${this.#number(value)}`);
    return parts.join(", ");
  }

  #number(value) {
    const { unit } = this.curve;
    if (Math.abs(value) < 0.5 * (unit === "deg" ? 1 : 0.01)) value = 0;
    return unit === "deg" ? `${value.toFixed(0)}°` : `${value.toFixed(2)}${unit === "ratio" ? "" : ` ${unit}`}`;
  }

  #shownTimes(view, span) {
    const { times } = this.timeline;
    const whole = [times[0] ?? 0, times[times.length - 1] ?? 1];
    if (span !== "cycle") return whole;
    const spare = (view.loop[1] - view.loop[0]) / 3;
    return [Math.max(view.loop[0] - spare, whole[0]), Math.min(view.loop[1] + spare, whole[1])];
  }

  #range() {
    const values = Object.values(this.curve.sides)
      .flatMap((side) => side.filter((value, frame) => value !== null && this.#isShown(frame)));
    for (const { target, tolerance, guard } of Object.values(this.curve.bands)) {
      if (target === null) continue;
      if (target[0] !== null) values.push(target[0] - tolerance - guard);
      if (target[1] !== null) values.push(target[1] + tolerance + guard);
    }
    values.push(...this.curve.checked.map((checked) => checked.value));
    if (!values.length) return [0, 1];
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const air = (most - least || 1) * 0.08;
    return [least - air, most + air];
  }

  #isShown(frame) {
    const t = this.timeline.time(frame);
    return t !== null && t >= this.from && t <= this.to;
  }

  #x(t) {
    return LEFT + ((t - this.from) / (this.to - this.from || 1)) * (this.width - LEFT - RIGHT);
  }

  #y(value) {
    const share = (value - this.low) / (this.high - this.low || 1);
    return Math.min(Math.max(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), TOP), HEIGHT - BOTTOM);
  }

  /** Target, tolerance and guard band, one inside the other; an open side reaches the edge. */
  #bands() {
    const { side, bands } = this.curve;
    // Of the other side only the outermost edge is drawn, where it lies elsewhere.
    const others = Object.keys(bands).filter((name) => name !== side);
    return [
      ...(bands[side]?.target ? BANDS.map((band) => this.#band(bands[side], band, band)) : []),
      ...others.filter((name) => bands[name].target).map((name) => this.#band(bands[name], "guard", "other")),
    ];
  }

  #band({ target, tolerance, guard }, band, name) {
    const spare = { target: 0, tolerance, guard: tolerance + guard }[band];
    const top = this.#y(target[1] === null ? this.high : target[1] + spare);
    const bottom = this.#y(target[0] === null ? this.low : target[0] - spare);
    const width = this.width - LEFT - RIGHT;
    return svg("rect", { class: `band ${name}`, x: LEFT, y: top, width, height: Math.max(bottom - top, 1.5) });
  }

  #axes() {
    const numbers = ticks(this.low, this.high, 4).map((value) => {
      const y = this.#y(value);
      const number = svg("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, short(value));
      return svg("g", { class: "tick" }, svg("line", { x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }), number);
    });
    const seconds = ticks(this.from, this.to, Math.max(2, Math.floor(this.width / 110))).map((t) => {
      const x = Math.min(this.#x(t), this.width - 16);
      return svg("text", { x, y: HEIGHT - 5, "text-anchor": "middle" }, `${short(t)} s`);
    });
    return [...numbers, ...seconds];
  }

  #cycles() {
    return this.curve.cycles.flatMap(([start, key, end]) => [
      ...[start, end].filter((frame) => this.#isShown(frame)).map((frame) => {
        const x = this.#x(this.timeline.time(frame));
        return svg("line", { class: "cycle-edge", x1: x, x2: x, y1: TOP - 4, y2: HEIGHT - BOTTOM });
      }),
      ...[key].filter((frame) => this.#isShown(frame)).map((frame) => {
        const x = this.#x(this.timeline.time(frame));
        return svg("path", { class: "cycle-key", d: `M${x - 5} ${HEIGHT - BOTTOM}h10l-5 -8z` });
      }),
    ]);
  }

  #keyFrame(frame) {
    if (!this.#isShown(frame)) return svg("g");
    const x = this.#x(this.timeline.time(frame));
    const nearEnd = x > this.width - 90;
    const words = { x: x + (nearEnd ? -5 : 5), y: TOP - 5, "text-anchor": nearEnd ? "end" : "start" };
    return svg(
      "g",
      { class: "key-frame" },
      svg("line", { x1: x, x2: x, y1: 2, y2: HEIGHT - BOTTOM }),
      svg("text", words, "key frame"),
    );
  }

  #checkedValue({ side, frame, value }) {
    if (frame === null || !this.#isShown(frame)) return svg("g");
    const at = { cx: this.#x(this.timeline.time(frame)), cy: this.#y(value), r: 4.5 };
    return svg("circle", { class: `checked ${sideClass(side)}`, ...at });
  }

  #line(side, values) {
    let path = "";
    let isDrawing = false;
    values.forEach((value, frame) => {
      if (value === null || !this.#isShown(frame)) {
        isDrawing = false;
        return;
      }
      const x = this.#x(this.timeline.time(frame)).toFixed(1);
      path += `${isDrawing ? "L" : "M"}${x} ${this.#y(value).toFixed(1)}`;
      isDrawing = true;
    });
    return svg("path", { class: `side ${sideClass(side)}`, d: path });
  }

  #seekWithPointer(drawing, onSeek) {
    const seek = (event) => {
      const share = (event.offsetX - LEFT) / (this.width - LEFT - RIGHT);
      onSeek(this.timeline.at(this.from + share * (this.to - this.from)));
    };
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      seek(event);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) seek(event);
    });
  }
}

const sideClass = (side) => (side === "left" || side === "right" ? side : "middle");

const short = (value) => String(Number(value.toFixed(2)));

/** Round numbers between two values, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high; n += 1) found.push(n * step);
  return found;
}
