// A frame is found by its stored time, never by time x rate.

/** Index of the first time that is greater than `t`, in ascending times. */
function upper(times, t) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] > t) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The frames of an item and when the browser shows them; null where the file lacks a frame. */
export class Timeline {
  constructor(times) {
    this.all = times;
    this.frames = [...times.keys()].filter((frame) => times[frame] !== null);
    this.times = this.frames.map((frame) => times[frame]);
  }

  get length() {
    return this.all.length;
  }

  /** The frame whose stored time is nearest to the time stamp of the picture that is shown. */
  at(t) {
    const after = upper(this.times, t);
    if (after === 0) return this.frames[0] ?? 0;
    if (after === this.times.length) return this.frames[after - 1];
    const isLater = this.times[after] - t < t - this.times[after - 1];
    return this.frames[isLater ? after : after - 1];
  }

  /** A time at which a frame is surely shown: the middle of the time that it stays. */
  inside(frame) {
    const place = Math.max(upper(this.frames, frame) - 1, 0);
    const { times } = this;
    if (times.length < 2) return times[0] ?? 0;
    const isLast = place + 1 === times.length;
    const gap = isLast ? times[place] - times[place - 1] : times[place + 1] - times[place];
    return times[place] + gap / 2;
  }

  /** The time of a frame; null where the file lacks it. */
  time(frame) {
    return this.all[frame] ?? null;
  }
}
