// Measured curves of both sides, as SVG, with bands, cycle marks, key frame and playhead.

import { byId, replace } from "./dom.js";
import { Plot } from "./plot.js";

export class Curves {
  constructor(home, onSeek) {
    this.home = home;
    this.onSeek = onSeek;
    this.plots = [];
    new ResizeObserver(() => this.redraw()).observe(home);
  }

  load(view, timeline) {
    this.view = view;
    this.timeline = timeline;
    this.width = 0;
    this.redraw();
  }

  /** `span` is "cycle" or "all": how much of the time is drawn. */
  setSpan(span) {
    this.span = span;
    this.width = 0;
    this.redraw();
  }

  redraw() {
    const width = this.home.clientWidth;
    if (!this.view || !width || width === this.width) return;
    this.width = width;
    byId("no-curves").hidden = this.view.curves.length > 0 || Boolean(this.view.unread);
    const columns = width > 900 && this.view.curves.length > 1 ? 2 : 1;
    this.home.classList.toggle("two", columns === 2);
    const own = Math.floor((width - (columns - 1) * 16) / columns);
    this.plots = this.view.curves.map((curve) => new Plot(curve, this.view, this.timeline, own, this.span, this.onSeek));
    replace(this.home, ...this.plots.map((plot) => plot.figure));
    this.setFrame(this.frame ?? 0);
  }

  setFrame(frame) {
    this.frame = frame;
    for (const plot of this.plots) plot.setFrame(frame);
  }
}
