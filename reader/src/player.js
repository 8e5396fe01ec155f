// One player for both tracks, however long: what is near is opened and handed over, what is far behind is let go.

import { stream } from "./film.js";

const AHEAD_S = 20, BEHIND_S = 20, TICKS = 90_000, SECONDS_MAX = 86_400;

export class Player {
  // `codecs`: of each track that is shown; `open(segment)`; `trouble(segment)`; `fail(error)`: it cannot go on.
  constructor(video, codecs, segments, zero, open, trouble, fail) {
    const tracks = Object.keys(codecs);
    this.video = video;
    this.tracks = tracks;
    this.codecs = codecs;
    this.segments = segments;
    this.zero = zero;
    this.open = open;
    this.trouble = trouble;
    this.fail = fail;
    const ends = tracks.map((track) => (segments[track].at(-1).t1 - zero) / TICKS);
    this.seconds = Math.min(SECONDS_MAX, Math.max(1, ...ends)); // whatever a chain says
    this.media = new MediaSource();
    this.url = URL.createObjectURL(this.media);
    this.buffers = {};
    this.pumping = new AbortController();
    this.media.addEventListener("sourceopen", () => {
      try {
        this.begin();
      } catch (error) {
        fail(error); // a codec that this browser does not play
      }
    }, { once: true });
    this.seeking = () => this.seek();
    this.nudging = () => this.nudge();
    video.addEventListener("seeking", this.seeking);
    video.addEventListener("waiting", this.nudging);
    video.addEventListener("timeupdate", this.nudging);
    video.src = this.url;
  }

  begin() {
    URL.revokeObjectURL(this.url);
    this.media.duration = this.seconds;
    for (const track of this.tracks) this.buffers[track] = this.media.addSourceBuffer(`${track}/mp4; codecs="${this.codecs[track]}"`); // all before the first byte
    this.pump(0);
  }

  close() {
    this.pumping.abort();
    this.video.removeEventListener("seeking", this.seeking);
    this.video.removeEventListener("waiting", this.nudging);
    this.video.removeEventListener("timeupdate", this.nudging);
    this.video.removeAttribute("src");
    this.video.load();
  }

  // Feeds every track from this moment on.
  async pump(from_s) {
    this.pumping.abort();
    const pumping = (this.pumping = new AbortController()), { signal } = pumping, at = this.zero + from_s * TICKS;
    await Promise.all(this.tracks.map(async (track) => {
      const list = this.segments[track], first = Math.max(0, list.findIndex(({ t1 }) => t1 > at));
      const put = (piece, segment) => this.put(track, piece, segment, signal);
      await stream(track, list, first, this.zero, this.open, put, this.trouble, signal);
    })).catch((error) => {
      if (signal.aborted) return;
      pumping.abort();
      this.fail(error);
    });
    if (!signal.aborted && this.media.readyState === "open") {
      await Promise.all(Object.values(this.buffers).map(idle));
      if (this.media.readyState === "open" && !signal.aborted) this.media.endOfStream();
    }
  }

  async put(track, piece, segment, signal) {
    const buffer = this.buffers[track], start_s = (segment.t0 - this.zero) / TICKS;
    while (!signal.aborted && start_s > this.video.currentTime + AHEAD_S) await pause(this.video, signal);
    if (signal.aborted) return;
    await this.drop(buffer, 0, this.video.currentTime - BEHIND_S);
    await idle(buffer);
    if (signal.aborted) return;
    buffer.appendBuffer(piece);
    await idle(buffer);
  }

  async drop(buffer, from_s, to_s) {
    await idle(buffer);
    if (to_s > from_s && buffer.buffered.length && buffer.buffered.start(0) < to_s - BEHIND_S) {
      buffer.remove(from_s, to_s);
      await idle(buffer);
    }
  }

  // A gap in the image is no end: what comes after it is gone on to.
  nudge() {
    const { video } = this, ranges = video.buffered, now = video.currentTime;
    if (video.seeking || video.paused) return;
    for (let n = 0; n < ranges.length; n += 1) {
      if (ranges.start(n) <= now && now < ranges.end(n) - 0.15) return;
      if (ranges.start(n) > now) {
        if (ranges.start(n) - now < this.longestGap()) video.currentTime = ranges.start(n) + 0.01;
        return;
      }
    }
  }

  longestGap() {
    const starts = Math.max(...this.tracks.map((track) => (this.segments[track][0].t0 - this.zero) / TICKS));
    return Math.max(starts + 1, ...this.tracks.flatMap((track) => this.segments[track].slice(1).map(({ t0 }, n) => (t0 - this.segments[track][n].t1) / TICKS + 2)));
  }

  async seek() {
    const { video } = this, now = video.currentTime;
    for (const track of this.tracks) {
      const ranges = this.buffers[track]?.buffered;
      if (!ranges) return;
      let there = false;
      for (let n = 0; n < ranges.length; n += 1) there ||= ranges.start(n) - 0.5 <= now && now < ranges.end(n);
      if (!there) {
        await this.again(now);
        return;
      }
    }
  }

  async again(now) {
    this.pumping.abort();
    const turn = (this.turn = (this.turn ?? 0) + 1);
    for (const buffer of Object.values(this.buffers)) {
      await idle(buffer);
      if (this.media.readyState === "ended" || buffer.buffered.length) buffer.remove(0, this.seconds + 1);
      await idle(buffer);
    }
    if (turn === this.turn) this.pump(now);
  }
}

const idle = (buffer) => (buffer.updating ? new Promise((done) => buffer.addEventListener("updateend", done, { once: true })) : Promise.resolve());

const pause = (video, signal) =>
  new Promise((done) => {
    const on = () => {
      for (const name of ["timeupdate", "seeking", "ended"]) video.removeEventListener(name, on);
      signal.removeEventListener("abort", on);
      done();
    };
    for (const name of ["timeupdate", "seeking", "ended"]) video.addEventListener(name, on);
    signal.addEventListener("abort", on);
  });
