/**
 * What an exit on the chain would return to this node's account: its cell as it stood at the last
 * checkpoint of each epoch, kept until a later epoch is the newest final anchor.
 */
import type {AccountCell} from "@catalyze/core/ledger/cell";
import {decodeCell, encodeCell, leafOf} from "@catalyze/core/ledger/cellCodec";
import type {Effect} from "@catalyze/core/ledger/effects";
import {cellKey} from "@catalyze/core/ledger/storeKeys";
import type {Store, Write} from "@catalyze/core/ports/store";
import type {AccountId} from "@catalyze/core/primitives/id";

const PREFIX = "la/";
/** Epochs whose anchors may still wait; a chain that is silent for longer leaves older ones unanswered. */
const EPOCHS_KEPT = 512;

export class AnchoredCell {
  readonly #store: Store;
  readonly #cellKey: string;
  /** As of the last checkpoint that was looked at; absent for an account that nobody has credited. */
  #bytes: Uint8Array | undefined;

  constructor(store: Store, account: AccountId, current: AccountCell | undefined) {
    this.#store = store;
    this.#cellKey = cellKey({kind: "account", id: account});
    this.#bytes = current === undefined ? undefined : encodeCell(current);
  }

  /** In the order of the effects: a step may hold several checkpoints. Writes belong to the same batch. */
  onEffect(effect: Effect): Write[] {
    if (effect.kind === "store") {
      const own = effect.writes.find(({key}) => key === this.#cellKey);
      if (own !== undefined) this.#bytes = own.value;
      return [];
    }
    if (effect.kind !== "checkpointed" || !effect.checkpoint.isLastOfEpoch) return [];
    const {epoch} = effect.checkpoint;
    const kept = {key: keyOf(epoch), value: this.#bytes ?? new Uint8Array()};
    return epoch < EPOCHS_KEPT ? [kept] : [kept, {key: keyOf(epoch - EPOCHS_KEPT), value: undefined}];
  }

  /** µCTZ: balance and stake together. `undefined` for an epoch that this node did not see end. */
  async sumAt(epoch: number): Promise<bigint | undefined> {
    const bytes = await this.#store.get(keyOf(epoch));
    if (bytes === undefined) return undefined;
    return bytes.length === 0 ? 0n : leafOf(decodeCell(bytes)).sum;
  }
}

function keyOf(epoch: number): string {
  return PREFIX + String(epoch).padStart(10, "0");
}
