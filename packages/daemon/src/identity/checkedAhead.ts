/**
 * A verifier that remembers what a thread beside it has found valid. Only surely valid signatures are
 * remembered, each until it is asked for once: whatever else is asked is checked as ever, in full, and costs
 * its sender what it cost before.
 *
 * Senders take turns on the thread: who sends more than it can do waits for itself only.
 */
import type {AheadOptions, ChecksAhead, SignatureCheck, SignatureVerifier} from "@catalyze/core/ports/signer";
import {equalBytes} from "@catalyze/core/primitives/bytes";

/** Fewer are done sooner than handed over and back. */
const BATCH_MIN = 4;
/** Of all senders, and of one: some milliseconds of the thread. */
const BATCH_MAX = 512;
const TURN_MAX = 128;
/** The thread has the next one at hand when it is done. */
const BATCHES_MAX = 2;
/** Of messages that are remembered; the oldest go first. A simple op has 300 bytes. */
const KNOWN_BYTES_MAX = 8 * 1024 * 1024;

export type CheckedElsewhere = {check(checks: readonly SignatureCheck[]): Promise<Uint8Array>};

type Sender = AheadOptions["sender"];

/** One call. */
type Waiting = {
  readonly checks: readonly SignatureCheck[];
  readonly isWanted: () => boolean;
  readonly done: () => void;
};

/** What a sender waits for: calls that were not sent yet, and how many were and are not answered. */
type Line = {readonly calls: Waiting[]; open: number};

/** Holds no memory of the frame that it came in. `message` is the check's own. */
type Known = {readonly message: Uint8Array; readonly publicKey: Uint8Array; isValid: boolean};

export class CheckedAhead implements SignatureVerifier, ChecksAhead {
  readonly #verifier: SignatureVerifier;
  readonly #thread: CheckedElsewhere;
  /** By signature. A check that is on its way has its place here already, so that it goes only once. */
  readonly #known = new Map<string, Known>();
  #knownBytes = 0;
  /** Senders that wait for something, in the order of their turns. */
  readonly #lines = new Map<Sender, Line>();
  /** Checks that were not sent yet. */
  #waiting = 0;
  /** Batches that are not answered. */
  #open = 0;
  #isPumping = false;

  constructor(verifier: SignatureVerifier, thread: CheckedElsewhere) {
    this.#verifier = verifier;
    this.#thread = thread;
  }

  verify(...args: Parameters<SignatureVerifier["verify"]>): {valid: boolean; slow: boolean} {
    return this.#take(...args) ? {valid: true, slow: false} : this.#verifier.verify(...args);
  }

  ahead(
    checks: readonly SignatureCheck[],
    {sender, isWanted = () => true}: AheadOptions = {sender: undefined},
  ): Promise<void> | undefined {
    const line = this.#lines.get(sender) ?? {calls: [], open: 0};
    if (checks.length === 0 && line.calls.length === 0 && line.open === 0) return undefined;
    this.#lines.set(sender, line);
    const {promise, resolve} = Promise.withResolvers<void>();
    line.calls.push({checks, isWanted, done: resolve});
    this.#waiting += checks.length;
    // Whoever asks for thousands in one turn does not keep the thread waiting until it is over.
    if (this.#waiting >= BATCH_MAX) this.#pump();
    else this.#pumpSoon();
    return promise;
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

  /** Calls of the same turn go together. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#open < BATCHES_MAX && this.#sendNext());
  }

  /** False when nothing waits that should not wait on. */
  #sendNext(): boolean {
    const isWorthIt = this.#waiting >= BATCH_MIN;
    // The thread is busy: what would be done here goes on with the batch under way, or grows until it ends.
    if (this.#open > 0 && !isWorthIt) return false;
    const calls: Waiting[] = [];
    const lines: Line[] = [];
    let size = 0;
    // Whoever has had a turn goes to the end, and is met there again.
    for (const [sender, line] of this.#lines) {
      if (line.calls.length === 0) continue;
      const taken = takeTurn(line);
      size += taken.reduce((sum, {checks}) => sum + checks.length, 0);
      calls.push(...taken);
      line.open += 1;
      lines.push(line);
      this.#lines.delete(sender);
      this.#lines.set(sender, line);
      if (size >= BATCH_MAX) break;
    }
    if (calls.length === 0) return false;
    this.#waiting -= size;
    this.#open += 1;
    void this.#send(isWorthIt ? calls.filter(({isWanted}) => isWanted()) : []).then(() => {
      this.#open -= 1;
      for (const line of lines) line.open -= 1;
      for (const {done} of calls) done();
      for (const [sender, line] of this.#lines)
        if (line.calls.length === 0 && line.open === 0) this.#lines.delete(sender);
      this.#pumpSoon();
    });
    return true;
  }

  async #send(calls: readonly Waiting[]): Promise<void> {
    const unknown = calls.flatMap(({checks}) => checks.filter((check) => this.#enter(check)));
    if (unknown.length === 0 && this.#open === 1) return;
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

/** At least one call, however many checks it has. */
function takeTurn({calls}: Line): Waiting[] {
  let size = 0;
  let count = 0;
  for (const {checks} of calls) {
    if (count > 0 && size + checks.length > TURN_MAX) break;
    size += checks.length;
    count += 1;
  }
  return calls.splice(0, count);
}

function keyOf({buffer, byteOffset, byteLength}: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
