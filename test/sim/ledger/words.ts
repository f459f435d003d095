/** What goes over the simulated network, read once: the same bytes reach many, and are looked at for each. */
import {type ConsensusMessage, decodeConsensus} from "@catalyze/core/ledger/consensusCodec";
import type {Entry} from "@catalyze/core/ledger/entry";
import {decodeEntry} from "@catalyze/core/ledger/entryCodec";

/** Nobody here changes bytes that were sent, so the array itself is the key. */
export class Words {
  readonly #entries = new WeakMap<Uint8Array, Entry>();
  readonly #consensus = new WeakMap<Uint8Array, ConsensusMessage>();

  entry(bytes: Uint8Array): Entry {
    const known = this.#entries.get(bytes);
    if (known !== undefined) return known;
    const entry = decodeEntry(bytes);
    this.#entries.set(bytes, entry);
    return entry;
  }

  consensus(bytes: Uint8Array): ConsensusMessage {
    const known = this.#consensus.get(bytes);
    if (known !== undefined) return known;
    const message = decodeConsensus(bytes);
    this.#consensus.set(bytes, message);
    return message;
  }
}
