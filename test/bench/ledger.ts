import type {Bench} from "./bar.ts";
import {batchVotes} from "./ledger/batchVotes.ts";
import {fourWitnesses, manyPayees, oneWitness} from "./ledger/certified.ts";
import {faults} from "./ledger/faults.ts";
import {sideBySide} from "./ledger/sideBySide.ts";
import {vouchers} from "./ledger/vouchers.ts";

export const ledger: Bench = {
  what: "the ledger against raw signature verification, and against its own bars",
  parts: [oneWitness, fourWitnesses, batchVotes, manyPayees, vouchers, faults, sideBySide],
};
