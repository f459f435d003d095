/** What all nodes must agree on once they had time to. */
import {expect} from "vitest";
import type {Daemon} from "./daemon.ts";
import {until} from "./until.ts";

const SETTLE_MS = 90_000;

/** Every voucher is claimed and every op certified. */
export async function untilSettled(daemons: readonly Daemon[]): Promise<void> {
  await until(
    "all vouchers are claimed",
    async () => {
      const wallets = await Promise.all(daemons.map((daemon) => daemon.client.call("wallet", {})));
      return wallets.every(({receivableUctz, opsPending}) => receivableUctz === "0" && opsPending === 0);
    },
    SETTLE_MS,
  );
}

/** At one height all show the same balances, on each `ledger verify` passes, and the supply is `supplyUctz`. */
export async function expectEqualBooks(daemons: readonly Daemon[], supplyUctz: bigint): Promise<void> {
  await until(
    "the balances are equal",
    async () => {
      const views = await Promise.all(daemons.map((daemon) => daemon.client.call("ledgerBalances", {})));
      return new Set(views.map(({height, balances}) => JSON.stringify([height, balances]))).size === 1;
    },
    SETTLE_MS,
  );
  for (const daemon of daemons) {
    const {code, json, stdout} = await daemon.ctz(["ledger", "verify"]);
    expect(code, stdout).toBe(0);
    const parts = ["balancesUctz", "lockedUctz", "stakedUctz", "burnedUctz", "withdrawnUctz"] as const;
    expect(parts.reduce((sum, part) => sum + BigInt(json[part]), 0n)).toBe(supplyUctz);
  }
}
