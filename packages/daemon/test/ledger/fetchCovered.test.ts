import {createVerifier} from "@catalyze/core/crypto/verifySignature";
import {ZERO_HASH} from "@catalyze/core/ledger/cell";
import type {Entry} from "@catalyze/core/ledger/entry";
import {branchesInTurn, fromEach} from "@catalyze/core/ledger/entryPage";
import {genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {genesisRegister} from "@catalyze/core/ledger/register";
import {fromHex} from "@catalyze/core/primitives/bytes";
import {describe, expect, it} from "vitest";
import {entryOf, genesisOf, NOW} from "../../../core/test/ledger/witnessKit.ts";
import type {Ask} from "../../src/ledger/askPeer.ts";
import {fetchCovered} from "../../src/ledger/fetchCovered.ts";

const genesis = genesisOf(2);
const register = genesisRegister(genesis);
const proof = {
  verifier: createVerifier(),
  genesisHash: fromHex(genesisHash(genesis)),
  network: networkIdOf(genesisHash(genesis)),
};

function logOf(witness: number, length: number, seed = 0): Entry[] {
  const entries: Entry[] = [];
  for (let n = 1n; n <= length; n += 1n) {
    const prev = entries.at(-1)?.hash ?? ZERO_HASH;
    entries.push(entryOf(genesis, {witness, n, prev, timeMs: NOW + (n > 3n ? seed : 0)}));
  }
  return entries;
}

function headOf(ends: readonly Entry[]) {
  const heads = ends.map(({header: {witness, n}, hash}) => ({witness, n, hash}));
  const checkpoint = {...genesisCheckpoint(genesis, genesisState(genesis)), height: 15n, heads};
  return {final: {checkpoint, hash: ZERO_HASH, iteration: 1, signatures: []}, register};
}

/** Answers with so many entries of each log, of whose branches another comes first in each page. */
function askOf(logs: readonly (readonly Entry[])[], itemsMax: number): {ask: Ask; pages: () => number} {
  let turn = 0;
  const ask = async (question: Parameters<Ask>[0]) => {
    if (question.case !== "syncRequest") throw new Error("asked for something else");
    const from = new Map(question.value.heads?.map(({witness, n}) => [witness, n]));
    const above = logs.map((log) => log.filter(({header}) => header.n > (from.get(header.witness) ?? 0n)));
    turn += 1;
    // By chance, in life.
    const drawn = (turn * 7_919) % 1_009;
    const turned = above.map((log) => branchesInTurn(log, drawn));
    const {entries} = fromEach(turned, {itemsMax, bytesMax: 1e9, turn: drawn});
    return {entries: entries.map(({bytes}) => bytes), code: ""};
  };
  return {ask: ask as unknown as Ask, pages: () => turn};
}

describe("what stands below a cut", () => {
  const [honest, main, other] = [logOf(0, 200), logOf(1, 150), logOf(1, 150, 1)];

  it("is fetched in pages that begin anywhere, of the branch that the cut names", async () => {
    const forked = [...main, ...other.slice(3)].sort((left, right) => Number(left.header.n - right.header.n));
    for (const end of [main, other]) {
      const {ask} = askOf([honest, forked], 40);
      const found = await fetchCovered(ask, headOf([honest.at(-1)!, end.at(-1)!]), proof);
      expect(found.map(({hash}) => hash)).toEqual([...honest, ...end].map(({hash}) => hash));
    }
  });

  it("is not there where a peer has another branch only, and is asked for a few times", async () => {
    const {ask, pages} = askOf([honest, main], 1_000);
    const fetching = fetchCovered(ask, headOf([honest.at(-1)!, other.at(-1)!]), proof);
    await expect(fetching).rejects.toMatchObject({code: "NOT_FOUND"});
    expect(pages()).toBeLessThan(12);
  });
});
