import type {Bench} from "./bar.ts";
import {batchVotes} from "./ledger/batchVotes.ts";
import {fourWitnesses, manyPayees, oneWitness} from "./ledger/certified.ts";
import {sideBySide} from "./ledger/sideBySide.ts";

export const ledger: Bench = {
  what: "the ledger against raw signature verification, and against its own bars",
  parts: [oneWitness, fourWitnesses, batchVotes, manyPayees, sideBySide],
};
