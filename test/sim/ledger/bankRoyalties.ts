/**
 * The part of the simulated bank that keeps pots: at an epoch's end it goes through all holders of a seed, where
 * the ledger adds to one number. Parts are of 2^-64 µCTZ, as in the protocol.
 */
import type {LedgerState} from "@catalyze/core/ledger/state";
import type {AssetId, CellId} from "@catalyze/core/primitives/id";

export type Holder = {readonly account: CellId; readonly units: bigint};

const PART = 1n << 64n;

export class BankRoyalties {
  /** Parts that are not shared yet. */
  readonly #open = new Map<AssetId, bigint>();
  /** µCTZ in the pot. */
  readonly #pots = new Map<AssetId, bigint>();
  /** Parts, by account and asset. */
  readonly #earned = new Map<string, bigint>();
  /** µCTZ that holders took out. */
  harvested = 0n;

  pay(seed: AssetId, amount: bigint): void {
    add(this.#open, seed, amount * PART);
    add(this.#pots, seed, amount);
  }

  /** What an account's harvest brings. */
  harvest(account: CellId, seed: AssetId): bigint {
    const key = `${account}/${seed}`;
    const amount = (this.#earned.get(key) ?? 0n) / PART;
    add(this.#earned, key, -amount * PART);
    add(this.#pots, seed, -amount);
    if ((this.#pots.get(seed) ?? 0n) < 0n) throw new Error(`bank: the pot of ${seed} paid what it has not`);
    this.harvested += amount;
    return amount;
  }

  /** Shares what came in. Returns what nobody can have. */
  end(holdersOf: (seed: AssetId) => readonly Holder[]): bigint {
    let unowned = 0n;
    for (const [seed, parts] of this.#open) {
      if (parts < PART) continue;
      const holders = holdersOf(seed);
      const units = holders.reduce((sum, holder) => sum + holder.units, 0n);
      if (units === 0n) {
        const amount = parts / PART;
        unowned += amount;
        add(this.#open, seed, -amount * PART);
        add(this.#pots, seed, -amount);
        continue;
      }
      for (const holder of holders) {
        const share = (parts / units) * holder.units;
        add(this.#earned, `${holder.account}/${seed}`, share);
        add(this.#open, seed, -share);
      }
    }
    return unowned;
  }

  compare(state: LedgerState): void {
    const left = new Map([...this.#pots].filter(([, amount]) => amount !== 0n));
    for (const {id, ...pot} of state.pots()) {
      const [is, should] = [pot.in - pot.out, left.get(id) ?? 0n];
      if (is !== should) throw new Error(`bank: pot ${id} is ${is}, should be ${should}`);
      left.delete(id);
    }
    if (left.size > 0) throw new Error(`bank: pots are lost: ${[...left.keys()].join(", ")}`);
  }
}

function add<Key>(map: Map<Key, bigint>, key: Key, amount: bigint): void {
  map.set(key, (map.get(key) ?? 0n) + amount);
}
