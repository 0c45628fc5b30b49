// The skeleton over the video: drawn on a canvas of the video's own pixels.

const LINE_SHARE = 1 / 160;

export class SkeletonLayer {
  /** `onCome(found)` runs when the points of an item are here. */
  constructor(canvas, fetchSkeleton, onCome = () => {}) {
    this.canvas = canvas;
    this.fetchSkeleton = fetchSkeleton;
    this.onCome = onCome;
    this.shown = true;
    this.#forget();
  }

  /** Fetch the points of an item; those of an item that was left meanwhile are dropped. */
  async load(id) {
    this.#forget();
    this.id = id;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
    const found = await this.fetchSkeleton(id);
    if (this.id !== id || !found) return;
    this.found = found;
    this.canvas.width = found.width;
    this.canvas.height = found.height;
    this.draw(this.frame);
    this.onCome(found);
  }

  setShown(shown) {
    this.shown = shown;
    this.draw(this.frame);
  }

  /** Draw the points of a frame; null: nothing, while it is not known which picture is shown. */
  draw(frame) {
    this.frame = frame;
    const { width, height } = this.canvas;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    const points = this.found?.points[frame];
    this.canvas.dataset.frame = points ? frame : "";
    if (!this.shown || !points) return;
    const line = Math.max(width, height) * LINE_SHARE;
    // A dark edge around a light line is seen on any picture.
    for (const [colour, wide] of [["#000000", line * 1.9], ["#ffd84d", line]]) {
      this.#strokeBones(context, points, colour, wide);
      this.#fillJoints(context, points, colour, wide);
    }
  }

  /** The middle of the body over the frames from `first` to `last`, as shares of the picture. */
  middle(first, last) {
    const all = (this.found?.points ?? []).slice(first, last + 1).flat().filter(Boolean);
    if (!all.length) return [0.5, 0.5];
    const middleOf = (axis, size) => {
      const values = all.map((point) => point[axis]);
      return (Math.min(...values) + Math.max(...values)) / 2 / size;
    };
    return [middleOf(0, this.found.width), middleOf(1, this.found.height)];
  }

  #forget() {
    this.found = null;
    this.id = null;
    this.frame = 0;
  }

  #strokeBones(context, points, colour, wide) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.lineCap = "round";
    context.beginPath();
    for (const [a, b] of this.found.bones) {
      if (!points[a] || !points[b]) continue;
      context.moveTo(...points[a]);
      context.lineTo(...points[b]);
    }
    context.stroke();
  }

  #fillJoints(context, points, colour, wide) {
    context.fillStyle = colour;
    for (const point of points) {
      if (!point) continue;
      context.beginPath();
      context.arc(point[0], point[1], wide, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
