/**
 * Where people speak in a recording: Silero VAD over chunks of 32 ms, each with the 4 ms before it, and
 * a rule that joins chunks into segments (two thresholds against flicker, short gaps bridged).
 */
import {readWav, WAV_SAMPLE_RATE} from "@catalyze/core/task/inputs";
import {macOf} from "@catalyze/core/task/meter";
import {encodeVad} from "@catalyze/core/task/output";
import {parseNoParams} from "@catalyze/core/task/params";
import {VAD_CHUNK, vadChunks} from "@catalyze/core/task/units";
import type {LoadProgram} from "./program.ts";
import {openModel, runModel, runtime} from "./runtime.ts";
import {speechSegments} from "./speechSegments.ts";

/** Samples of the chunk before that the model wants to see again. */
const CONTEXT = 64;
const STATE_DIMS = [2, 1, 128];
const PROGRESS_EVERY = 256;

export const loadVad: LoadProgram = async ({meter}, readFile) => {
  const {Tensor} = await runtime();
  const session = await openModel(readFile("vad.onnx"));
  const chunkMac = macOf(meter, "vad.onnx", {});
  return {
    async run(params, input, {spend, progress}) {
      parseNoParams(params);
      const {samples, dataOffset} = readWav(input);
      const view = new DataView(input.buffer, input.byteOffset + dataOffset, samples * 2);
      const chunks = vadChunks(samples);
      const sr = new Tensor("int64", BigInt64Array.of(BigInt(WAV_SAMPLE_RATE)), []);
      let state = new Tensor("float32", new Float32Array(256), STATE_DIMS);
      const window = new Float32Array(CONTEXT + VAD_CHUNK);
      const probabilities: number[] = [];
      for (let chunk = 0; chunk < chunks; chunk++) {
        spend(chunkMac);
        window.copyWithin(0, VAD_CHUNK);
        for (let at = 0; at < VAD_CHUNK; at++) {
          const sample = chunk * VAD_CHUNK + at;
          window[CONTEXT + at] = sample < samples ? view.getInt16(sample * 2, true) / 32_768 : 0;
        }
        const result = await runModel(session, {
          input: new Tensor("float32", window.slice(), [1, window.length]),
          state,
          sr,
        });
        state = result["stateN"] as typeof state;
        probabilities.push(Number((result["output"] as {data: Float32Array}).data[0]));
        if (probabilities.length % PROGRESS_EVERY === 0) progress("listen", probabilities.length, chunks);
      }
      const durationMs = Math.floor((samples * 1000) / WAV_SAMPLE_RATE);
      return encodeVad({durationMs, segments: speechSegments(probabilities, durationMs)});
    },
    close: () => session.release(),
  };
};
