/**
 * Sentences to vectors of unit length, one sentence a run: batches are slower on one thread, and their
 * padding changes the last bits.
 */
import {readLines} from "@catalyze/core/task/inputs";
import {macOf} from "@catalyze/core/task/meter";
import {encodeVectors} from "@catalyze/core/task/output";
import {parseNoParams} from "@catalyze/core/task/params";
import {EMBED_TOKENS_MAX} from "@catalyze/core/task/units";
import type {LoadProgram} from "./program.ts";
import {openModel, runModel, runtime} from "./runtime.ts";
import {sentencePieceTokenizer} from "./sentencePiece.ts";

const PROGRESS_EVERY = 16;

export const loadEmbed: LoadProgram = async ({meter}, readFile) => {
  const {Tensor} = await runtime();
  const tokenize = sentencePieceTokenizer(readFile("vocabulary.json"));
  const session = await openModel(readFile("encoder.onnx"));
  return {
    async run(params, input, {spend, progress}) {
      parseNoParams(params);
      const lines = readLines(input);
      const vectors: Float32Array[] = [];
      for (const line of lines) {
        const ids = tokenize(line).slice(0, EMBED_TOKENS_MAX);
        spend(macOf(meter, "encoder.onnx", {tokens: ids.length}));
        const tokens = new Tensor("int64", BigInt64Array.from(ids, BigInt), [ids.length]);
        const {embedding} = await runModel(session, {tokens});
        vectors.push((embedding as {data: Float32Array}).data);
        if (vectors.length % PROGRESS_EVERY === 0) progress("embed", vectors.length, lines.length);
      }
      return encodeVectors(vectors);
    },
    close: () => session.release(),
  };
};
