/**
 * Text that goes on from a prompt, character by character. Each step reads the last `context`
 * characters anew; with temperature 0 it takes the likeliest, otherwise it throws seeded dice.
 */
import {CodedError} from "@catalyze/core/errors/codedError";
import {concat, fromUtf8, utf8} from "@catalyze/core/primitives/bytes";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";
import {readText} from "@catalyze/core/task/inputs";
import {parseTextParams} from "@catalyze/core/task/params";
import type {LoadProgram} from "./program.ts";
import {openModel, runModel, runtime} from "./runtime.ts";
import {chooseToken, seededRandom} from "./sampling.ts";

const PROGRESS_EVERY = 16;

export const loadText: LoadProgram = async (_manifest, readFile) => {
  const {Tensor} = await runtime();
  const {characters, context} = readVocabulary(readFile("vocabulary.json"));
  const idOf = new Map(characters.map((character, id) => [character, id]));
  const session = await openModel(readFile("text.onnx"));
  return {
    async run(params, input, {spend, emit, progress}) {
      const {maxTokens, temperature, seed} = parseTextParams(params);
      const ids = promptIds(readText(input), idOf);
      spend(BigInt(ids.length));
      const random = seededRandom(seed);
      const chunks: Uint8Array[] = [];
      for (let step = 1; step <= maxTokens; step++) {
        spend(1n);
        const window = ids.slice(-context);
        const tokens = new Tensor("int64", BigInt64Array.from(window, BigInt), [window.length]);
        const {logits} = await runModel(session, {tokens});
        const id = chooseToken((logits as {data: Float32Array}).data, temperature, random);
        ids.push(id);
        const chunk = utf8(characters[id] ?? "");
        chunks.push(chunk);
        emit(chunk);
        if (step % PROGRESS_EVERY === 0) progress("generate", step, maxTokens);
      }
      return concat(...chunks);
    },
    close: () => session.release(),
  };
};

function readVocabulary(bytes: Uint8Array): {
  readonly characters: readonly string[];
  readonly context: number;
} {
  const value: unknown = JSON.parse(fromUtf8(bytes));
  const characters = isRecord(value) ? value["characters"] : undefined;
  const context = isRecord(value) ? value["context"] : undefined;
  if (typeof characters !== "string" || !Number.isInteger(context) || (context as number) < 1) {
    throw new CodedError("MODEL_INVALID", {evidence: {file: "vocabulary.json"}});
  }
  return {characters: [...characters], context: context as number};
}

/** Characters that the model does not know are left out; a final newline is the shell's, not the writer's. */
function promptIds(prompt: string, idOf: ReadonlyMap<string, number>): number[] {
  const known = [...prompt.replace(/\n+$/, "")].flatMap((character) => idOf.get(character) ?? []);
  if (known.length > 0) return known;
  throw new CodedError("INPUT_INVALID", {
    message: "The prompt has no character that the model knows: write English.",
  });
}
