// The video: which frame is shown, stepping, looping, speed and zoom.

import { Timeline } from "./frames.js";
import { settings } from "./settings.js";

export const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
export const ZOOMS = [1, 1.5, 2, 3];

export class Player {
  /**
   * `onFrame(frame, isShown)` runs for each picture that is shown, and with false when another is
   * asked for and the browser has not shown it yet. `onChange()` runs when a choice changes.
   */
  constructor(video, onFrame, onChange) {
    this.video = video;
    this.onFrame = onFrame;
    this.onChange = onChange;
    this.timeline = new Timeline([]);
    this.frame = 0;
    this.wanted = null;
    video.addEventListener("loadedmetadata", () => this.#begin());
    video.addEventListener("ended", () => this.#again());
    video.addEventListener("seeked", () => this.#seeked());
    for (const name of ["play", "pause"]) video.addEventListener(name, onChange);
    if ("requestVideoFrameCallback" in video) this.#watch();
    else video.addEventListener("timeupdate", () => this.#shown(video.currentTime));
  }

  /** Take a new item; its video comes from `address`. */
  load(view, timeline, address) {
    this.timeline = timeline;
    this.hasVideo = view.has_video && timeline.frames.length > 0;
    [this.first, this.last] = view.loop_frames;
    this.key = view.key_frame;
    this.wanted = null;
    this.video.pause();
    this.video.removeAttribute("src");
    if (this.hasVideo) this.video.src = address;
    this.video.load();
    this.#setFrame(this.hasVideo ? this.first : this.key);
  }

  toggle() {
    if (!this.hasVideo) return;
    settings.set("playing", this.video.paused);
    if (this.video.paused) this.#play();
    else this.video.pause();
  }

  step(frames) {
    this.video.pause();
    settings.set("playing", false);
    this.seek((this.wanted ?? this.frame) + frames);
  }

  /** Show a frame. */
  seek(frame) {
    const target = Math.min(Math.max(frame, 0), this.timeline.length - 1);
    if (!this.hasVideo) {
      this.#setFrame(target);
      return;
    }
    this.wanted = target;
    this.onFrame(target, false);
    if (this.video.readyState > 0) this.video.currentTime = this.timeline.inside(target);
  }

  faster(steps) {
    const at = SPEEDS.indexOf(settings.get("speed")) + steps;
    this.setSpeed(SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)]);
  }

  setSpeed(speed) {
    settings.set("speed", speed);
    this.video.defaultPlaybackRate = speed;
    this.video.playbackRate = speed;
    this.onChange();
  }

  setLoop(on) {
    settings.set("loop", on);
    this.onChange();
  }

  #begin() {
    this.setSpeed(settings.get("speed"));
    this.seek(this.wanted ?? this.first);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (settings.get("playing") && !still) this.#play();
  }

  #play() {
    // A browser may refuse to play by itself; the reader can still press play.
    this.video.play().catch(() => this.onChange());
  }

  #again() {
    if (!settings.get("loop")) return;
    this.seek(this.first);
    this.#play();
  }

  #seeked() {
    if (this.wanted === null || this.video.seeking) return;
    const frame = this.wanted;
    this.wanted = null;
    this.#setFrame(frame);
  }

  #watch() {
    this.video.requestVideoFrameCallback((_, picture) => {
      this.#shown(picture.mediaTime);
      this.#watch();
    });
  }

  #shown(mediaTime) {
    // A picture from before a seek may be reported while the next one is on the screen already.
    if (this.wanted !== null || !this.hasVideo) return;
    const frame = this.timeline.at(mediaTime);
    const isPastLoop = frame >= this.last || frame < this.first;
    this.#setFrame(frame);
    if (settings.get("loop") && !this.video.paused && isPastLoop) this.seek(this.first);
  }

  #setFrame(frame) {
    this.frame = frame;
    this.onFrame(frame, true);
  }
}
