// Buttons of the video and of the layers: what they do, and what they show as chosen.

import { byId } from "./dom.js";
import { SPEEDS, ZOOMS } from "./player.js";
import { setTheme, settings, theme } from "./settings.js";

export class Controls {
  constructor(player, skeleton, curves) {
    this.player = player;
    this.skeleton = skeleton;
    this.curves = curves;
    this.slider = byId("frame");
    this.slider.addEventListener("input", () => {
      player.video.pause();
      player.seek(Number(this.slider.value));
    });
    const { video } = player;
    video.addEventListener("loadedmetadata", () => this.#setShape(video.videoWidth, video.videoHeight));
    const chosen = byId("theme");
    chosen.value = theme();
    chosen.addEventListener("change", () => setTheme(chosen.value));
    this.actions = {
      play: () => player.toggle(),
      back: () => player.step(-1),
      forward: () => player.step(1),
      slower: () => player.faster(-1),
      faster: () => player.faster(1),
      loop: () => player.setLoop(!settings.get("loop")),
      skeleton: () => this.#setSkeleton(!settings.get("skeleton")),
      zoom: () => this.#setZoom(ZOOMS[(ZOOMS.indexOf(settings.get("zoom")) + 1) % ZOOMS.length]),
      span: () => this.#setSpan(settings.get("span") === "cycle" ? "all" : "cycle"),
      key: () => {
        player.video.pause();
        player.seek(player.key);
      },
    };
    for (const [name, action] of Object.entries(this.actions)) {
      byId(`${name}-button`).addEventListener("click", action);
    }
    skeleton.setShown(settings.get("skeleton"));
    curves.setSpan(settings.get("span"));
  }

  load(view, timeline) {
    this.turn = view.turn_deg;
    byId("turned").dataset.turn = view.turn_deg;
    byId("no-video").hidden = view.has_video;
    byId("no-moment").hidden = !(view.has_video && timeline.length === 0);
    byId("stage").classList.toggle("empty", !this.player.hasVideo);
    const last = Math.max(timeline.length - 1, 0);
    this.slider.max = last;
    this.slider.disabled = last === 0;
    this.show();
  }

  /** Give the stage the shape of the picture, turned so that the person stands upright. */
  #setShape(width, height) {
    if (!width || !height) return;
    const isOnEnd = this.turn % 180 !== 0;
    byId("stage").style.setProperty("--ratio", isOnEnd ? height / width : width / height);
  }

  showFrame(frame, isShown) {
    const { timeline } = this.player;
    const t = timeline.time(frame);
    byId("stage").dataset.frame = isShown ? frame : "";
    this.slider.value = frame;
    const moment = t === null ? "not in the video" : `${t.toFixed(2)} s`;
    const words = `frame ${frame + 1} of ${timeline.length}, ${moment}`;
    this.slider.setAttribute("aria-valuetext", words);
    byId("frame-words").textContent = words;
  }

  /** The skeleton of the item is here. */
  skeletonCame(found) {
    this.#setShape(found.width, found.height);
    this.#applyZoom();
  }

  /** Show what is chosen now. */
  show() {
    const { video } = this.player;
    const speed = settings.get("speed");
    byId("play-words").textContent = video.paused ? "Play" : "Pause";
    byId("speed-words").textContent = `${speed}×`;
    byId("slower-button").disabled = speed === SPEEDS[0];
    byId("faster-button").disabled = speed === SPEEDS[SPEEDS.length - 1];
    for (const name of ["loop", "skeleton"]) {
      byId(`${name}-button`).setAttribute("aria-pressed", settings.get(name));
    }
    byId("zoom-words").textContent = `${settings.get("zoom")}×`;
    byId("span-words").textContent = settings.get("span") === "cycle" ? "cycle" : "all";
    this.#applyZoom();
  }

  #setSkeleton(shown) {
    settings.set("skeleton", shown);
    this.skeleton.setShown(shown);
    this.show();
  }

  #setZoom(zoom) {
    settings.set("zoom", zoom);
    this.show();
  }

  #setSpan(span) {
    settings.set("span", span);
    this.curves.setSpan(span);
    this.show();
  }

  #applyZoom() {
    const zoomed = byId("zoomed");
    const [x, y] = turned(this.skeleton.middle(this.player.first, this.player.last), this.turn);
    zoomed.style.transformOrigin = `${100 * x}% ${100 * y}%`;
    zoomed.style.transform = `scale(${settings.get("zoom")})`;
  }
}

/** A place on a picture, as shares of its sides, after the picture was turned clockwise. */
function turned([x, y], degrees) {
  if (degrees === 90) return [1 - y, x];
  if (degrees === 180) return [1 - x, 1 - y];
  return degrees === 270 ? [y, 1 - x] : [x, y];
}
