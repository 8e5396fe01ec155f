// Opened segments into MP4, in pieces for a player or whole to take away: nothing is encoded again, times are kept.

import {
  BufferSource, EncodedAudioPacketSource, EncodedPacketSink, EncodedVideoPacketSource, Input, MPEG_TS, Mp4OutputFormat, Output, StreamTarget,
} from "mediabunny";
import { recovered, TRACKS } from "./judge.js";

const TICKS = 90_000, TURN = 2 ** 33;
const inTicks = (ns) => Math.floor((ns * 9) / 100_000);

// The segments of each track in order, from the lines of a chain.
export function segmentsOf(lines, files) {
  const found = { audio: [], video: [] };
  for (const line of lines) {
    if (line.kind === "segment") found[line.track].push({ ...line, t0: inTicks(line.t0_boot_ns), t1: inTicks(line.t1_boot_ns) });
    else if (line.kind === "mark" && line.what === "recovered") {
      const { track, name } = recovered(line);
      if (track) found[track].push({ track, file: name, key: "", t0: null, t1: null, frames: 0 });
    }
  }
  for (const track of TRACKS) {
    found[track] = found[track].filter(({ file }) => files.has(file));
    found[track].forEach((one, n, all) => {
      one.t0 ??= n ? all[n - 1].t1 : 0;
      one.t1 ??= one.t0 + TICKS;
    });
  }
  return found;
}

// Where both tracks begin, in ticks of the boot clock.
export const beginning = (segments) => Math.min(...TRACKS.flatMap((track) => segments[track].slice(0, 1).map(({ t0 }) => t0)));

// Of all times that a count of 33 bits can mean, the one that is nearest.
export const unturned = (ticks, near) => near + ((((ticks - near + TURN / 2) % TURN) + TURN) % TURN) - TURN / 2;

// The packets of one segment, each with its time in seconds from `zero`. Raises for what is no media.
async function* packets(track, data, near, zero) {
  const input = new Input({ source: new BufferSource(data), formats: [MPEG_TS] });
  try {
    const stream = track === "video" ? await input.getPrimaryVideoTrack() : await input.getPrimaryAudioTrack();
    if (!stream) throw new TypeError("no media");
    const config = await stream.getDecoderConfig();
    let last = near;
    for await (const packet of new EncodedPacketSink(stream).packets()) {
      last = unturned(Math.round(packet.timestamp * TICKS), last);
      yield { packet: packet.clone({ timestamp: Math.max(0, (last - zero) / TICKS) }), config };
    }
  } finally {
    input.dispose();
  }
}

// The codec of a segment, as a SourceBuffer wants it; empty: no media.
export async function codecOf(track, data) {
  for await (const { config } of packets(track, data, 0, 0)) return config.codec;
  return "";
}

const sourceOf = (track) => (track === "video" ? new EncodedVideoPacketSource("avc") : new EncodedAudioPacketSource("aac"));

function output(wanted, fastStart, write) {
  const target = new StreamTarget(new WritableStream({ write }), { chunked: fastStart === false, chunkSize: 2 ** 22 });
  const format = new Mp4OutputFormat({ fastStart, minimumFragmentDuration: 0.5 });
  const made = new Output({ format, target }), sources = {};
  for (const track of wanted) {
    sources[track] = sourceOf(track);
    if (track === "video") made.addVideoTrack(sources[track]);
    else made.addAudioTrack(sources[track]);
  }
  return { made, sources };
}

// One track from a segment on, as fragments for a SourceBuffer: `put(bytes)` may wait; `trouble(segment)`: it did not open.
export async function stream(track, segments, from, zero, open, put, trouble, signal) {
  let pieces = [];
  const { made, sources } = output([track], "fragmented", ({ data }) => {
    pieces.push(data.slice());
  });
  await made.start();
  for (let n = from; n < segments.length && !signal.aborted; n += 1) {
    const segment = segments[n];
    try {
      const all = [];
      for await (const one of packets(track, await open(segment), segment.t0, zero)) all.push(one);
      const last = all.at(-1), next_s = n + 1 < segments.length ? (segments[n + 1].t0 - zero) / TICKS : 0;
      // A player stands still at a hole: the last picture lasts until the next there is, and sound goes on under it.
      if (last && next_s > last.packet.timestamp + last.packet.duration) last.packet = last.packet.clone({ duration: next_s - last.packet.timestamp });
      for (const { packet, config } of all) await sources[track].add(packet, { decoderConfig: config });
    } catch (error) {
      trouble(segment, error);
    }
    const ready = pieces;
    pieces = [];
    for (const piece of ready) if (!signal.aborted) await put(piece, segment);
  }
  if (signal.aborted) {
    await made.cancel();
    return;
  }
  await made.finalize().catch(() => {});
  for (const piece of pieces) if (!signal.aborted) await put(piece, segments.at(-1));
}

// The whole film. `write({position, data})` may wait; `step(segment)` is told of progress. Returns packets by track.
export async function film(wanted, segments, zero, open, write, step, trouble) {
  const { made, sources } = output(wanted, false, write), counts = {};
  await made.start();
  const at = Object.fromEntries(wanted.map((track) => [track, 0]));
  for (const track of wanted) counts[track] = 0;
  for (;;) {
    const left = wanted.filter((track) => at[track] < segments[track].length);
    if (!left.length) break;
    const track = left.reduce((a, b) => (segments[b][at[b]].t0 < segments[a][at[a]].t0 ? b : a));
    const segment = segments[track][at[track]];
    at[track] += 1;
    if (at[track] === segments[track].length) await one(segment).then(() => sources[track].close());
    else await one(segment);
    step(segment);
  }
  await made.finalize();
  return counts;

  async function one(segment) {
    try {
      const clear = await open(segment);
      for await (const { packet, config } of packets(segment.track, clear, segment.t0, zero)) {
        await sources[segment.track].add(packet, { decoderConfig: config });
        counts[segment.track] += 1;
      }
    } catch (error) {
      trouble(segment, error);
    }
  }
}
