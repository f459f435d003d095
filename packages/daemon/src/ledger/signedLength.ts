/** How much was written to the signing table since it was last shortened, and when to shorten it again. */
import type {Effect} from "@catalyze/core/ledger/effects";
import type {Log} from "@catalyze/core/ports/log";
import type {AppendLog} from "@catalyze/core/ports/store";

const RECORDS_MAX = 4_096;
const BYTES_MAX = 4 * 1024 * 1024;

type Saved = {readonly signs: readonly Uint8Array[]; readonly spoken: readonly Pick<Effect, "kind">[]};

export type SignedLengthComponents = {
  readonly signingTable: AppendLog;
  /** What of the table still matters. */
  readonly replica: {signingRecords(): readonly Uint8Array[]};
  readonly log: Log;
};

export class SignedLength {
  readonly #components: SignedLengthComponents;
  #records = 0;
  #bytes = 0;
  #isLong = false;

  constructor(components: SignedLengthComponents) {
    this.#components = components;
  }

  get isLong(): boolean {
    return this.#isLong;
  }

  /** A group is on disk. At a checkpoint many of the table's records become worthless. */
  note({signs, spoken}: Saved): void {
    this.#records += signs.length;
    for (const {length} of signs) this.#bytes += length;
    const isLong = this.#records > RECORDS_MAX || this.#bytes > BYTES_MAX;
    if (isLong && spoken.some(({kind}) => kind === "checkpointed")) this.#isLong = true;
  }

  /** Never rejects. */
  async shorten(): Promise<void> {
    const {signingTable, replica, log} = this.#components;
    this.#isLong = false;
    try {
      await signingTable.compact(replica.signingRecords());
      this.#records = 0;
      this.#bytes = 0;
    } catch (error) {
      // The long table stays valid; the next checkpoint tries again.
      log.warn("signing table could not be shortened", {error});
    }
  }
}
