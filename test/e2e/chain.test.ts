/** The whole way of an anchor on a real EVM node: deploy, sign, post, read back; then what may go wrong. */
import {catalyzeAnchorAbi} from "@catalyze/contracts/abi/catalyzeAnchor";
import {ctzAbi} from "@catalyze/contracts/abi/ctz";
import {type AnchorTarget, anchorStruct} from "@catalyze/contracts/anchorDigest";
import {committeeHashOf, membersOf} from "@catalyze/contracts/committeeHash";
import {sha256} from "@catalyze/core/crypto/sha256";
import {type Anchor, type AnchorProblem, anchorOf, checkAnchor} from "@catalyze/core/ledger/anchorRules";
import {encodeCell, leafIdOf, leafOf} from "@catalyze/core/ledger/cellCodec";
import {checkpointHash} from "@catalyze/core/ledger/checkpoint";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import {post} from "@catalyze/core/ledger/postings";
import {withdrawalProof} from "@catalyze/core/ledger/withdrawals";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {Hash, PeerId} from "@catalyze/core/primitives/id";
import {AnchorContract} from "@catalyze/daemon/chain/anchorContract";
import {compactParts, encodeAnchorSignature, signAnchor} from "@catalyze/daemon/chain/anchorSignature";
import {chainError, chainOf, evmClient} from "@catalyze/daemon/chain/evmClient";
import {jsonRpc} from "@catalyze/daemon/chain/jsonRpc";
import {TxDriver} from "@catalyze/daemon/chain/txDriver";
import {TxRecords} from "@catalyze/daemon/chain/txRecord";
import fc from "fast-check";
import {createWalletClient, encodeFunctionData, type Hex, http} from "viem";
import {privateKeyToAccount} from "viem/accounts";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {MemoryDisk, MemoryStore} from "../sim/fakes/memoryStore.ts";
import {
  ChainNetwork,
  clock,
  evmKeys,
  genesis,
  holder,
  nextEpochEnd,
  peers,
  quiet,
  until,
} from "./chainNetwork.ts";

const network = new ChainNetwork();
const members = membersOf(genesis.witnesses);
const nextCommitteeHash = committeeHashOf(members);
const accounts = evmKeys.map((key) => privateKeyToAccount(`0x${toHex(key)}`));

const client = () => evmClient([network.node.url], network.contract.chainId);
const address = () => network.contract.anchor;
const last = () => client().readContract({address: address(), abi: catalyzeAnchorAbi, functionName: "last"});
const postedEvents = async () => {
  const events = await client().getContractEvents({
    address: address(),
    abi: catalyzeAnchorAbi,
    eventName: "Anchored",
    fromBlock: 0n,
  });
  return events.map(({args}) => Number(args.epoch));
};

const target = () => ({chainId: network.contract.chainId, contract: address()});
const balanceOf = (owner: Hex) =>
  client().readContract({
    address: network.contract.token,
    abi: ctzAbi,
    functionName: "balanceOf",
    args: [owner],
  });

/** `submit` with the signatures of these members. */
async function submitData(anchor: Anchor, signers: readonly number[], at: AnchorTarget = target()) {
  const signatures = [];
  for (const member of signers) {
    const signature = await signAnchor(accounts[member]!, anchor, at);
    signatures.push({member: BigInt(member), ...compactParts(signature)});
  }
  return {
    abi: catalyzeAnchorAbi,
    functionName: "submit",
    args: [anchorStruct(anchor), members, signatures],
  } as const;
}

async function send(
  account: (typeof accounts)[number],
  call: {functionName: string; args: readonly unknown[]},
) {
  const chain = chainOf([network.node.url], network.contract.chainId);
  const wallet = createWalletClient({account, chain, transport: http(network.node.url)});
  const hash = await wallet.writeContract({address: address(), abi: catalyzeAnchorAbi, ...call} as never);
  return await client().waitForTransactionReceipt({hash, pollingInterval: 50});
}

beforeAll(() => network.start());
afterAll(() => network.stop());

describe("the chain", () => {
  it("is up and has both contracts within two seconds, backed by the genesis supply", async () => {
    process.stderr.write(
      `node start ${network.startMs.toFixed(0)} ms, deploy ${network.deployMs.toFixed(0)} ms\n`,
    );
    expect(network.startMs + network.deployMs).toBeLessThan(10_000);
    const {token, anchor} = network.contract;
    const balance = await client().readContract({
      address: token,
      abi: ctzAbi,
      functionName: "balanceOf",
      args: [anchor],
    });
    expect(balance).toBe(1_000_000_000_000n);
    const contract = new AnchorContract(client(), network.optionsOf(0));
    await contract.verify(genesisHash(genesis));
    await expect(contract.verify("00".repeat(32) as Hash)).rejects.toMatchObject({code: "CHAIN_MISMATCH"});
    const nowhere = new AnchorContract(client(), {...network.optionsOf(0), contract: `0x${"12".repeat(20)}`});
    await expect(nowhere.verify(genesisHash(genesis))).rejects.toMatchObject({code: "CHAIN_MISMATCH"});
    const other = new AnchorContract(client(), {...network.optionsOf(0), chainId: 1});
    await expect(other.verify(genesisHash(genesis))).rejects.toMatchObject({code: "CHAIN_MISMATCH"});
  });

  it("takes the anchor that three of four signed, and gives the same root back", async () => {
    for (const index of [0, 1, 2]) await network.startService(index);
    const checkpoint = network.endEpoch();
    await until("epoch 1 settled", () => network.services[0]?.status().settled?.epoch === 1);
    const found = await network.services[1]!.readBack(1);
    expect(found).toMatchObject({epoch: 1, height: 15n, stateRoot: checkpoint.stateRoot});
    expect(network.services[2]!.status().settled).toMatchObject({epoch: 1, stateRoot: checkpoint.stateRoot});
    expect(await network.services[0]!.readBack(2)).toBeUndefined();
    process.stderr.write(`gas of submit, 3 of 4 signatures: ${found?.gasUsed}\n`);
    expect(await postedEvents()).toEqual([1]);
    const posters = network.services.filter((service) => service?.status().posted?.epoch === 1);
    expect(posters).toHaveLength(1);
  });

  it("takes the same anchor again without doing anything", async () => {
    const anchor = anchorOf(network.checkpoint, {previousHash: genesisHash(genesis), nextCommitteeHash});
    const receipt = await send(accounts[3]!, await submitData(anchor, [0, 1, 3]));
    expect(receipt).toMatchObject({status: "success", logs: []});
    expect((await last()).epoch).toBe(1n);
  });

  it("gets no further with two of four, and fills the gap in order once a third is back", async () => {
    await network.stopService(2);
    const second = network.endEpoch();
    const third = network.endEpoch();
    await clock.sleep(1_500);
    expect((await last()).epoch).toBe(1n);
    expect(network.services[0]!.status().waiting).toBe(2);
    // The third learns both epochs late, from its ledger; what it missed of the others they say again.
    await network.startService(2);
    network.bus.epochEnded(second, [2]);
    network.bus.epochEnded(third, [2]);
    await until("epoch 3 settled", () => network.services[2]?.status().settled?.epoch === 3);
    expect(await postedEvents()).toEqual([1, 2, 3]);
    await until("epoch 2 final", () => (network.bus.anchored.get(1) ?? 0) >= 2);
  });

  it("posts again what a reorganisation or the death of a poster took away, once", async () => {
    for (const depth of [1, 2, 3]) {
      const epoch = network.checkpoint.epoch + 1;
      network.endEpoch();
      await until(`epoch ${epoch} posted`, async () => (await last()).epoch === BigInt(epoch));
      await jsonRpc(network.node.url, "anvil_reorg", [depth, []]);
      const poster = network.services.findIndex((each) => each?.status().posted?.epoch === epoch);
      await network.stopService(poster);
      await until(`epoch ${epoch} settled`, () =>
        network.services.some((each) => each?.status().settled?.epoch === epoch),
      );
      network.disks[poster]?.crash();
      await network.startService(poster);
    }
    expect(await postedEvents()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("hears only well-formed signatures of witnesses", async () => {
    const anchor = anchorOf(network.checkpoint, {previousHash: genesisHash(genesis), nextCommitteeHash});
    const later = {...anchor, epoch: 900};
    const signature = await signAnchor(accounts[0]!, later, target());
    const good = encodeAnchorSignature({anchor: later, member: 0, signature});
    const forged = encodeAnchorSignature({anchor: {...anchor, epoch: 901}, member: 0, signature});
    const nobody = encodeAnchorSignature({anchor: later, member: 9, signature});
    // The epochs of the test before may settle a moment later on this node than on the first.
    await until("nothing waits", () => network.services[1]!.status().waiting === 0);
    const before = network.bus.penalties.length;
    for (const bytes of [good.subarray(1), new Uint8Array(100_000), forged, nobody]) {
      network.bus.inject(1, bytes, peers[2]!);
    }
    network.bus.inject(1, good, "12D3KooWStranger" as PeerId);
    await until("four penalties", () => network.bus.penalties.length === before + 4);
    expect(network.services[1]!.status().waiting).toBe(0);
    network.bus.inject(1, good, peers[2]!);
    await until("the good one", () => network.services[1]!.status().waiting === 1);
  });

  it("goes on with the committee that the last anchor named, and with the one after it", async () => {
    const {epoch} = network.checkpoint;
    const penalties = [...network.bus.penalties];
    for (const index of [0, 1, 2])
      if (network.services[index] === undefined) await network.startService(index);
    network.bus.committeeFrom(epoch + 2, [1, 2]);
    network.bus.committeeFrom(epoch + 3, [0, 1, 2, 3]);
    network.endEpoch();
    network.endEpoch();
    await until("two seats have signed", () => network.services[0]?.status().settled?.epoch === epoch + 2);
    // Its signature is of no use any more, and it gives none.
    expect(network.bus.penalties).toEqual(penalties);
    network.endEpoch();
    await until("all sign again", () => network.services[2]?.status().settled?.epoch === epoch + 3);
    expect((await last()).epoch).toBe(BigInt(epoch + 3));
  });

  it("a node that does not answer has its code", async () => {
    const lonely = new AnchorContract(evmClient(["http://127.0.0.1:9"], 31_337), network.optionsOf(0));
    await expect(lonely.view()).rejects.toMatchObject({code: "CHAIN_UNREACHABLE"});
  });

  it("pays withdrawals and, after the silence, exits by proofs that core made", async () => {
    for (const index of [0, 1, 2]) await network.stopService(index);
    const {state} = network;
    const exitAddress = fromHex("e1".repeat(20));
    const cell = state.account(holder)!;
    state.put({...cell, exitAddress});
    state.addWithdrawal(fromHex("d1".repeat(20)), 300n);
    state.addWithdrawal(fromHex("d2".repeat(20)), 200n);
    post(state, [
      {bucket: "account", id: holder, amount: -600n},
      {bucket: "withdrawn", amount: 500n},
      // Owed to holders of a seed: the vault backs it beside what exits.
      {bucket: "pot", seed: holder, amount: 100n},
    ]);
    const previousHash = checkpointHash(network.checkpoint);
    network.checkpoint = nextEpochEnd(network.checkpoint, state);
    const anchor = anchorOf(network.checkpoint, {previousHash, nextCommitteeHash});
    await send(accounts[0]!, await submitData(anchor, [1, 2, 3]));
    await jsonRpc(network.node.url, "evm_increaseTime", [61]);
    await network.node.mine();
    await send(accounts[0]!, {functionName: "startExit", args: []});

    const to = fromHex("d2".repeat(20));
    const proof = withdrawalProof(state.withdrawals(), to)!.map((each) => `0x${toHex(each)}`);
    await send(accounts[0]!, {functionName: "withdraw", args: [`0x${toHex(to)}`, 200n, proof]});
    expect(await balanceOf(`0x${toHex(to)}`)).toBe(200n);

    const account = state.account(holder)!;
    const {leaf, path} = state.tree().prove(leafIdOf("account", holder))!;
    expect(leaf).toEqual(leafOf(account));
    const shown = {
      id: `0x${toHex(leaf.id)}`,
      kind: 1,
      exitAddress: `0x${toHex(exitAddress)}`,
      cellHash: `0x${toHex(sha256(encodeCell(account)))}`,
      sum: leaf.sum,
    };
    const steps = path.map(({bit, hash, sum}) => ({bit, hash: `0x${toHex(hash)}`, sum}));
    await send(accounts[0]!, {functionName: "exit", args: [shown, steps]});
    expect(await balanceOf(`0x${toHex(exitAddress)}`)).toBe(999_999_999_400n);
  });
});

describe("anchors that come faster than windows end", () => {
  const chain = new ChainNetwork();
  beforeAll(() => chain.start());
  afterAll(() => chain.stop());

  const read = (functionName: "lastFinal" | "last") =>
    evmClient([chain.node.url], 31_337).readContract({
      address: chain.contract.anchor,
      abi: catalyzeAnchorAbi,
      functionName,
    });
  const finalized = () =>
    evmClient([chain.node.url], 31_337).getContractEvents({
      ...{address: chain.contract.anchor, abi: catalyzeAnchorAbi},
      ...{fromBlock: 0n, eventName: "Finalized"},
    });
  const outliveWindows = async () => {
    await jsonRpc(chain.node.url, "evm_increaseTime", [genesis.params.challengeWindowS + 1]);
    await chain.node.mine();
  };
  const settle = async () => {
    const {epoch} = chain.endEpoch();
    await until(`epoch ${epoch} settled`, () => chain.services[0]?.status().settled?.epoch === epoch);
  };

  it("become final all the same when money waits for it, by one member's call", async () => {
    for (const index of [0, 1, 2]) await chain.startService(index);
    const to = fromHex("d1".repeat(20));
    chain.state.addWithdrawal(to, 300n);
    post(chain.state, [
      {bucket: "account", id: holder, amount: -300n},
      {bucket: "withdrawn", amount: 300n},
    ]);
    await settle();
    await settle();
    expect((await read("lastFinal")).epoch).toBe(0n);
    await outliveWindows();
    await until("the second is final", async () => (await read("lastFinal")).epoch === 2n);
    const proof = withdrawalProof(chain.state.withdrawals(), to)!.map((each) => `0x${toHex(each)}` as const);
    const paid = await evmClient([chain.node.url], 31_337).simulateContract({
      ...{address: chain.contract.anchor, abi: catalyzeAnchorAbi, account: accounts[0]!},
      ...{functionName: "withdraw", args: [`0x${toHex(to)}`, 300n, proof]},
    });
    expect(paid.request.functionName).toBe("withdraw");
    await clock.sleep(2_000);
    expect(await finalized()).toHaveLength(1);
  });

  it("wait for the next one while nobody's money does", async () => {
    await settle();
    await outliveWindows();
    await until("it outlived its window", () => chain.services[0]?.status().finalEpoch === 3);
    await clock.sleep(2_000);
    expect((await read("lastFinal")).epoch).toBe(2n);
    await settle();
    await until("the next one made it final", async () => (await read("lastFinal")).epoch === 3n);
  });
});

describe("a transaction", () => {
  const chain = new ChainNetwork();
  let firstCall: Hex = "0x";
  beforeAll(() => chain.start(false));
  afterAll(() => chain.stop());

  const driverOf = (disk: MemoryDisk, bumpAfterMs = 60_000) => {
    const chainId = chain.contract.chainId;
    const records = new TxRecords(new MemoryStore(disk));
    const driver = new TxDriver(
      {client: evmClient([chain.node.url], chainId), account: accounts[1]!, records, clock, log: quiet},
      {chainId, to: chain.contract.anchor, bumpAfterMs, maxFeePerGasMax: 10n ** 12n},
    );
    return {driver, records};
  };
  const callOf = async (anchor: Anchor) => {
    const at = {chainId: chain.contract.chainId, contract: chain.contract.anchor};
    return encodeFunctionData((await submitData(anchor, [0, 1, 2], at)) as never);
  };
  const epochs = async () => {
    const events = await evmClient([chain.node.url], 31_337).getContractEvents({
      address: chain.contract.anchor,
      abi: catalyzeAnchorAbi,
      fromBlock: 0n,
      eventName: "Anchored",
    });
    return events.map(({args}) => Number(args.epoch));
  };
  const nextAnchor = () => {
    const parent = chain.checkpoint;
    const previousHash = parent.epoch === 0 ? genesisHash(genesis) : checkpointHash(parent);
    chain.checkpoint = nextEpochEnd(parent, chain.state);
    return anchorOf(chain.checkpoint, {previousHash, nextCommitteeHash});
  };

  it("survives a crash between disk and network, and a reorganisation that drops it", async () => {
    const disk = new MemoryDisk();
    const before = driverOf(disk);
    firstCall = await callOf(nextAnchor());
    await before.driver.plan(1, firstCall);
    disk.crash();

    const {driver, records} = driverOf(disk);
    const [planned] = await records.list("submit");
    expect(planned).toMatchObject({epoch: 1, state: "open", receipt: undefined});
    await driver.advance(planned!);
    await driver.advance(planned!);
    await chain.node.mine();
    expect(await epochs()).toEqual([1]);
    expect(await driver.advance(planned!)).toMatchObject({
      state: "open",
      receipt: {hash: planned!.attempts[0]!.hash},
    });

    await jsonRpc(chain.node.url, "anvil_reorg", [1, []]);
    expect(await epochs()).toEqual([]);
    expect((await driver.advance(planned!)).receipt).toBeUndefined();
    await chain.node.mine(3);
    const done = await driver.advance(planned!);
    expect(done).toMatchObject({state: "final", receipt: {hash: planned!.attempts[0]!.hash}});
    expect((await records.get(1))?.state).toBe("final");
    expect(await epochs()).toEqual([1]);
  });

  it("that is stuck gets a higher fee under its nonce, and is included once", async () => {
    const {driver, records} = driverOf(new MemoryDisk(), 0);
    let record = await driver.plan(2, await callOf(nextAnchor()));
    for (let round = 0; round < 3; round += 1) record = await driver.advance(record);
    expect(record.attempts.length).toBe(4);
    expect(new Set(record.attempts.map(({hash}) => hash)).size).toBe(4);
    await chain.node.mine(3);
    record = await driver.advance(record);
    expect(record.state).toBe("final");
    expect((await records.get(2))?.receipt?.hash).toBe(record.attempts.at(-1)?.hash);
    expect(await epochs()).toEqual([1, 2]);
  });

  it("whose nonce somebody else used is given up, not repeated for ever", async () => {
    const {driver} = driverOf(new MemoryDisk());
    const record = await driver.plan(3, await callOf(nextAnchor()));
    const other = driverOf(new MemoryDisk());
    // Showing an accepted anchor again is a transaction that does nothing.
    await other.driver.advance(await other.driver.plan(99, firstCall));
    await chain.node.mine(3);
    expect((await driver.advance(record)).state).toBe("lost");
  });

  it("that the contract would refuse is never sent", async () => {
    const {driver} = driverOf(new MemoryDisk());
    const bad = {...nextAnchor(), liabilities: 1n, epoch: 3};
    const parent = await client3();
    const anchor = {...bad, previousHash: parent.checkpointHash.slice(2) as Hash};
    await expect(driver.plan(3, await callOf(anchor))).rejects.toMatchObject({
      code: "ANCHOR_REVERTED",
      evidence: {reason: "BackingMismatch"},
    });
  });

  const client3 = () =>
    evmClient([chain.node.url], 31_337).readContract({
      address: chain.contract.anchor,
      abi: catalyzeAnchorAbi,
      functionName: "last",
    });

  it("core's copy of the predicate and the contract agree on random anchors", async () => {
    const raw = await client3();
    const state = {
      ...raw,
      epoch: Number(raw.epoch),
      checkpointHash: raw.checkpointHash.slice(2) as Hash,
    };
    const supply = 1_000_000_000_000n;
    const base: Anchor = {
      epoch: state.epoch + 1,
      height: raw.height + 15n,
      depositCursor: 1n,
      previousHash: state.checkpointHash,
      checkpointHash: "77".repeat(32) as Hash,
      stateRoot: "88".repeat(32) as Hash,
      withdrawalRoot: "00".repeat(32) as Hash,
      liabilities: supply,
      minted: 0n,
      burned: 0n,
      withdrawn: 0n,
      nextCommitteeHash,
    };
    const zero = "00".repeat(32) as Hash;
    const seen = new Map<string, number>();
    const rpc = evmClient([chain.node.url], 31_337);
    const change = fc.oneof(
      {weight: 3, arbitrary: fc.constant({})},
      fc.constantFrom<Partial<Anchor>>(
        {epoch: state.epoch + 2},
        {previousHash: zero},
        {stateRoot: zero},
        {checkpointHash: zero},
        {nextCommitteeHash: zero},
        {height: raw.height},
        {depositCursor: 0n},
        {depositCursor: 2n},
        {minted: 1n, liabilities: supply + 1n},
      ),
      fc.record({
        burned: fc.bigInt(0n, 5n),
        withdrawn: fc.bigInt(0n, 5n),
        liabilities: fc.bigInt(supply - 10n, supply + 1n),
      }),
      fc.bigInt(0n, supply).map((burned) => ({burned, liabilities: supply - burned})),
    );
    await fc.assert(
      fc.asyncProperty(change, async (changes) => {
        const anchor = {...base, ...changes};
        const problem = checkAnchor(state, anchor, {
          depositedUpTo: (cursor) => (cursor === 1n ? supply : undefined),
          emissionAllowed: 0n,
        });
        seen.set(problem ?? "accepted", (seen.get(problem ?? "accepted") ?? 0) + 1);
        const at = {chainId: chain.contract.chainId, contract: chain.contract.anchor};
        const call = await submitData(anchor, [0, 1, 2], at);
        const refused = await rpc
          .simulateContract({address: chain.contract.anchor, account: accounts[0]!, ...call} as never)
          .then(() => undefined, chainError);
        expect(refused?.evidence["reason"]).toBe(problem === undefined ? undefined : REASON[problem]);
      }),
      {numRuns: 150},
    );
    expect(seen.size).toBeGreaterThanOrEqual(8);
  });
});

const REASON: Record<AnchorProblem, string> = {
  epochNotNext: "EpochNotNext",
  previousMismatch: "PreviousMismatch",
  rootMissing: "RootMissing",
  committeeMissing: "CommitteeMissing",
  heightNotGreater: "HeightNotGreater",
  cursorInvalid: "CursorInvalid",
  counterFell: "CounterFell",
  beyondSchedule: "BeyondSchedule",
  backingMismatch: "BackingMismatch",
  outOfRange: "never on the wire",
};
