/**
 * What goes over the simulated network, read once: the same bytes reach many, and are looked at for each. Nobody
 * here changes bytes that were sent, so the array itself is the key, and what is known of it goes with it.
 */
import {type ConsensusMessage, decodeConsensus} from "@catalyze/core/ledger/consensusCodec";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";
import type {Op} from "@catalyze/core/ledger/op";
import {decodeOp} from "@catalyze/core/ledger/opCodec";
import type {Decoders} from "@catalyze/core/ledger/replicaTypes";
import type {SignatureVerifier} from "@catalyze/core/ports/signer";
import {equalBytes} from "@catalyze/core/primitives/bytes";

type Answer = ReturnType<SignatureVerifier["verify"]>;
type Checked = {readonly message: Uint8Array; readonly publicKey: Uint8Array; readonly answer: Answer};

export class Words {
  readonly entry: (bytes: Uint8Array) => Entry = once(decodeEntry);
  readonly consensus: (bytes: Uint8Array) => ConsensusMessage = once(decodeConsensus);
  readonly #op: (bytes: Uint8Array) => Op = once(decodeOp);
  /** By signature: what it was last checked for. */
  readonly #checked = new WeakMap<Uint8Array, Checked>();
  readonly #verifier: SignatureVerifier;

  constructor(verifier: SignatureVerifier) {
    this.#verifier = verifier;
  }

  get decoders(): Decoders {
    return {entry: this.entry, op: this.#op, consensus: this.consensus};
  }

  get verifier(): SignatureVerifier {
    return {verify: (signature, message, publicKey) => this.#verify(signature, message, publicKey)};
  }

  #verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): Answer {
    const known = this.#checked.get(signature);
    const isKnown =
      known !== undefined && equalBytes(known.message, message) && equalBytes(known.publicKey, publicKey);
    if (isKnown) return known.answer;
    const answer = this.#verifier.verify(signature, message, publicKey);
    this.#checked.set(signature, {message, publicKey, answer});
    return answer;
  }
}

/** What throws is tried again each time. */
function once<Value>(decode: (bytes: Uint8Array) => Value): (bytes: Uint8Array) => Value {
  const known = new WeakMap<Uint8Array, {readonly value: Value}>();
  return (bytes) => {
    const found = known.get(bytes);
    if (found !== undefined) return found.value;
    const value = decode(bytes);
    known.set(bytes, {value});
    return value;
  };
}
