import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeGenesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {genesisCheckpoint, genesisState} from "@catalyze/core/ledger/genesisState";
import {checkInvariants} from "@catalyze/core/ledger/invariants";
import {PARAMS_PRODUCTION, PROTOCOL_VERSION} from "@catalyze/core/ledger/params";
import {parseGenesis} from "@catalyze/core/ledger/parseGenesis";
import {withdrawalLeaf, withdrawalProof, withdrawalRoot} from "@catalyze/core/ledger/withdrawals";
import {compareBytes, concat, fromHex, fromUtf8, toHex} from "@catalyze/core/primitives/bytes";
import {keccak_256} from "@noble/hashes/sha3.js";
import fc from "fast-check";
import {describe, expect, it} from "vitest";
import {testGenesis} from "./kit.ts";

const text = fromUtf8(encodeGenesis(testGenesis));

describe("genesis", () => {
  it("reads back what it writes, in any layout, and hashes to the same", () => {
    expect(parseGenesis(text)).toEqual(testGenesis);
    const pretty = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse()), null, 2);
    expect(genesisHash(parseGenesis(pretty))).toBe(genesisHash(testGenesis));
    expect(networkIdOf(genesisHash(testGenesis)).toString(16).padStart(8, "0")).toBe(
      genesisHash(testGenesis).slice(0, 8),
    );
  });

  it("hashes to something else when anything changes", () => {
    const changed = [
      {...testGenesis, name: "other"},
      {...testGenesis, params: PARAMS_PRODUCTION},
      {...testGenesis, accounts: testGenesis.accounts.slice(1)},
    ];
    const hashes = new Set([testGenesis, ...changed].map(genesisHash));
    expect(hashes.size).toBe(4);
  });

  it.each<[string, (json: any) => void]>([
    ["genesis.extra", (json) => (json.extra = 1)],
    ["genesis.name", (json) => delete json.name],
    ["name", (json) => (json.name = "No Spaces")],
    ["v", (json) => (json.v = 2)],
    ["accounts.balance", (json) => (json.accounts[0].balance = 5)],
    ["accounts.balance", (json) => (json.accounts[0].balance = "05")],
    ["accounts.balance", (json) => (json.accounts[0].balance = "18446744073709551616")],
    ["accounts.balance", (json) => (json.accounts[0].balance = "18446744073709551615")],
    ["accounts.id", (json) => (json.accounts[0].id = json.accounts[1].id)],
    ["accounts.id", (json) => (json.accounts[0].id = "xyz")],
    ["accounts.note", (json) => (json.accounts[0].note = 5)],
    ["witnesses", (json) => (json.witnesses = [])],
    ["witnesses", (json) => (json.witnesses = {})],
    ["witnesses.weight", (json) => (json.witnesses[0].weight = 0)],
    ["witnesses.weight", (json) => (json.witnesses[0].weight = 1.5)],
    ["witnesses.voteKey", (json) => (json.witnesses[0].voteKey = "00".repeat(32))],
    ["witnesses.peerId", (json) => json.witnesses.push(json.witnesses[0])],
    ["witnesses.evmAddress", (json) => (json.witnesses[0].evmAddress = "0xAA")],
    ["params.protocolVersion", (json) => (json.params.protocolVersion = "3")],
    ["params.witnessStakeMin", (json) => (json.params.witnessStakeMin = "0")],
    ["params.witnessesMax", (json) => (json.params.witnessesMax = 22)],
    ["params.opFee", (json) => (json.params.opFee = "0")],
    ["params.protocolFeeBps", (json) => (json.params.protocolFeeBps = 600)],
    ["params.checkpointsPerEpoch", (json) => (json.params.checkpointsPerEpoch = 0)],
    ["aliases", (json) => (json.aliases = {ocr: 5})],
  ])("refuses a wrong %s", (field, change) => {
    const json = JSON.parse(text);
    change(json);
    expect(() => parseGenesis(JSON.stringify(json))).toThrow(CodedError);
    try {
      parseGenesis(JSON.stringify(json));
    } catch (error) {
      expect(error).toMatchObject({code: "GENESIS_INVALID", evidence: {field}});
    }
  });

  it("says which version a genesis is of, before it looks at fields that the other one had not", () => {
    const json = JSON.parse(text);
    json.params.protocolVersion -= 1;
    delete json.params.witnessStakeMin;
    expect(() => parseGenesis(JSON.stringify(json))).toThrow(
      `protocol version ${PROTOCOL_VERSION - 1}, this program speaks version ${PROTOCOL_VERSION}`,
    );
  });

  it("refuses any text with GENESIS_INVALID", () => {
    const textArb = fc.oneof(fc.string(), fc.json(), fc.constantFrom("null", "[]", "{}", "5"));
    fc.assert(
      fc.property(textArb, (any) => {
        expect(() => parseGenesis(any)).toThrow(expect.objectContaining({code: "GENESIS_INVALID"}));
      }),
    );
  });

  it("starts sound", () => {
    const state = genesisState(testGenesis);
    expect(checkInvariants(state)).toEqual([]);
    expect(state.totals).toMatchObject({accounts: 3_000_000n, deposited: 3_000_000n, minted: 0n});
    expect(genesisCheckpoint(testGenesis).parent).toBe(genesisHash(testGenesis));
  });
});

describe("withdrawal tree", () => {
  it("gives the root that OpenZeppelin's documentation prints for its example", () => {
    const example = [
      {address: fromHex("11".repeat(20)), cumulative: 5_000_000_000_000_000_000n},
      {address: fromHex("22".repeat(20)), cumulative: 2_500_000_000_000_000_000n},
    ];
    expect(toHex(withdrawalRoot(example))).toBe(
      "d4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77",
    );
  });

  it("proves each address by hashing sorted pairs, as the contract does", () => {
    const addressArb = fc.uint8Array({minLength: 20, maxLength: 20});
    const entryArb = fc.record({address: addressArb, cumulative: fc.bigInt({min: 1n, max: 1n << 100n})});
    const listArb = fc.uniqueArray(entryArb, {maxLength: 20, selector: ({address}) => toHex(address)});
    fc.assert(
      fc.property(listArb, addressArb, (list, stranger) => {
        const root = withdrawalRoot(list);
        for (const entry of list) {
          const proof = withdrawalProof(list, entry.address)!;
          const up = (hash: Uint8Array, sibling: Uint8Array) =>
            keccak_256(concat(...[hash, sibling].sort(compareBytes)));
          expect(toHex(proof.reduce(up, withdrawalLeaf(entry)))).toBe(toHex(root));
        }
        fc.pre(!list.some(({address}) => compareBytes(address, stranger) === 0));
        expect(withdrawalProof(list, stranger)).toBeUndefined();
      }),
    );
  });

  it("lays leaves out as the array of OpenZeppelin's tree", () => {
    const list = [1, 2, 3].map((n) => ({address: new Uint8Array(20).fill(n), cumulative: BigInt(n)}));
    const [low, middle, high] = list.map(withdrawalLeaf).sort(compareBytes);
    const pair = (...both: Uint8Array[]) => keccak_256(concat(...both.sort(compareBytes)));
    expect(toHex(withdrawalRoot(list))).toBe(toHex(pair(pair(low!, middle!), high!)));
  });

  it("is 32 zero bytes while nobody has withdrawn", () => {
    expect(toHex(withdrawalRoot([]))).toBe("00".repeat(32));
  });
});
