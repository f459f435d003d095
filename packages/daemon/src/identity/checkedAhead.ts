/**
 * A verifier that remembers what a thread beside it has found valid. Only surely valid signatures are
 * remembered, each until it is asked for once: whatever else is asked is checked as ever, in full, and costs
 * its sender what it cost before.
 */
import type {ChecksAhead, SignatureCheck, SignatureVerifier} from "@catalyze/core/ports/signer";
import {equalBytes} from "@catalyze/core/primitives/bytes";

/** Fewer are done sooner than handed over and back. */
const BATCH_MIN = 4;
/** Of messages that are remembered; the oldest go first. A simple op has 300 bytes. */
const KNOWN_BYTES_MAX = 8 * 1024 * 1024;

export type CheckedElsewhere = {check(checks: readonly SignatureCheck[]): Promise<Uint8Array>};

type Batch = {readonly checks: SignatureCheck[]; readonly done: Promise<void>};

/** Holds no memory of the frame that it came in. `message` is the check's own. */
type Known = {readonly message: Uint8Array; readonly publicKey: Uint8Array; isValid: boolean};

export class CheckedAhead implements SignatureVerifier, ChecksAhead {
  readonly #verifier: SignatureVerifier;
  readonly #thread: CheckedElsewhere;
  /** By signature. A check that is on its way has its place here already, so that it goes only once. */
  readonly #known = new Map<string, Known>();
  #knownBytes = 0;
  /** Of the calls of this turn. */
  #batch: Batch | undefined;
  /** Batches that are not answered. */
  #open = 0;

  constructor(verifier: SignatureVerifier, thread: CheckedElsewhere) {
    this.#verifier = verifier;
    this.#thread = thread;
  }

  verify(...args: Parameters<SignatureVerifier["verify"]>): {valid: boolean; slow: boolean} {
    return this.#take(...args) ? {valid: true, slow: false} : this.#verifier.verify(...args);
  }

  ahead(checks: readonly SignatureCheck[]): Promise<void> | undefined {
    if (checks.length === 0 && this.#open === 0) return undefined;
    this.#batch ??= this.#openBatch();
    this.#batch.checks.push(...checks);
    return this.#batch.done;
  }

  #take(...[signature, message, publicKey]: Parameters<SignatureVerifier["verify"]>): boolean {
    if (this.#known.size === 0) return false;
    const key = keyOf(signature);
    const known = this.#known.get(key);
    if (known === undefined || !known.isValid) return false;
    if (!equalBytes(known.message, message) || !equalBytes(known.publicKey, publicKey)) return false;
    this.#forget(key, known);
    return true;
  }

  #openBatch(): Batch {
    this.#open += 1;
    const checks: SignatureCheck[] = [];
    return {checks, done: this.#run(checks)};
  }

  async #run(checks: SignatureCheck[]): Promise<void> {
    // Calls of the same turn go together.
    await Promise.resolve();
    this.#batch = undefined;
    // With nothing under way a few are not worth the trip; else even none keep their place in the order.
    if (checks.length >= BATCH_MIN || this.#open > 1) await this.#send(checks);
    this.#open -= 1;
  }

  async #send(checks: readonly SignatureCheck[]): Promise<void> {
    const unknown = checks.filter((check) => this.#enter(check));
    const keys = unknown.map(({signature}) => keyOf(signature));
    const answers = await this.#thread.check(unknown);
    for (const [index, key] of keys.entries()) {
      const known = this.#known.get(key);
      if (known === undefined) continue;
      if (answers[index] === 1) known.isValid = true;
      else this.#forget(key, known);
    }
  }

  /** False when the same is under way. */
  #enter({signature, message, publicKey}: SignatureCheck): boolean {
    const key = keyOf(signature);
    if (this.#known.has(key)) return false;
    this.#known.set(key, {message, publicKey: publicKey.slice(), isValid: false});
    this.#knownBytes += message.length;
    for (const [oldest, known] of this.#known) {
      if (this.#knownBytes <= KNOWN_BYTES_MAX) break;
      this.#forget(oldest, known);
    }
    return true;
  }

  #forget(key: string, {message}: Known): void {
    this.#known.delete(key);
    this.#knownBytes -= message.length;
  }
}

function keyOf({buffer, byteOffset, byteLength}: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
