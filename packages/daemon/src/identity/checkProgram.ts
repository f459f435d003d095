/** What the checking thread runs: batches in, one byte for each check out, in the order in which they came. */
import {parentPort} from "node:worker_threads";
import {isSurelyValid, type NativeVerify} from "@catalyze/core/crypto/verifySignature";
import {unpackChecks} from "./checkBatch.ts";
import {opensslBackend, sodiumBackend} from "./ed25519Backend.ts";

const native: NativeVerify = (sodiumBackend() ?? opensslBackend()).verify;

parentPort?.on("message", (batch: Uint8Array) => {
  const answers = Uint8Array.from(unpackChecks(batch), ({signature, message, publicKey}) =>
    isSurelyValid(native, signature, message, publicKey) ? 1 : 0,
  );
  parentPort?.postMessage(answers, [answers.buffer]);
});
