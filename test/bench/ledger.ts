import type {Bench} from "./bar.ts";
import {batchVotes} from "./ledger/batchVotes.ts";
import {fourWitnesses, manyPayees, oneWitness} from "./ledger/certified.ts";
import {checkpointStall} from "./ledger/checkpointStall.ts";
import {diskBytes} from "./ledger/diskBytes.ts";
import {faults} from "./ledger/faults.ts";
import {flood} from "./ledger/flood.ts";
import {restart} from "./ledger/restart.ts";
import {sideBySide} from "./ledger/sideBySide.ts";
import {vouchers} from "./ledger/vouchers.ts";

export const ledger: Bench = {
  what: "the ledger against raw signature verification, and against its own bars",
  parts: [
    oneWitness,
    fourWitnesses,
    batchVotes,
    manyPayees,
    vouchers,
    faults,
    flood,
    checkpointStall,
    diskBytes,
    restart,
    sideBySide,
  ],
};
