// SPDX-FileCopyrightText: 2026 the Spreekkamer authors
// SPDX-License-Identifier: EUPL-1.2

// What a page's WebAudio sends to the loudspeakers, past the page: `heard(tones)` says which of these are in each of the two.
(() => {
  const { connect } = AudioNode.prototype, SIZE = 4096;
  let both = null, ears = [];
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      const { context } = to;
      if (!both) {
        both = new GainNode(context, { channelCount: 2, channelCountMode: "explicit" });
        const apart = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
        connect.call(both, apart);
        ears = [0, 1].map((n) => new AnalyserNode(context, { fftSize: SIZE, smoothingTimeConstant: 0 }));
        ears.forEach((ear, n) => connect.call(apart, ear, n));
      }
      connect.call(this, both, ...more);
    }
    return connect.call(this, to, ...more); // what is disconnected is disconnected from both
  };
  window.heard = (tones) =>
    ears.map((ear) => {
      const bins = new Float32Array(ear.frequencyBinCount);
      ear.getFloatFrequencyData(bins);
      return tones.filter((hz) => bins[Math.round((hz * SIZE) / ear.context.sampleRate)] > -60);
    });
})();
