/**
 * One witness, the whole path: ops arrive over loopback libp2p, are decoded, verified, voted, certified,
 * written with fsync to LevelDB and the signing table, and acknowledged. Against the same thread doing
 * nothing but verifying the same signatures, in alternating rounds of one run: only the ratio means
 * anything on a shared machine.
 */
import {mkdtemp, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {performance} from "node:perf_hooks";
import "@catalyze/core/primitives/polyfill";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {signedBytes} from "@catalyze/core/crypto/signed";
import {type Genesis, genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {OP_VERSION, type Op} from "@catalyze/core/ledger/op";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import {PARAMS_PRODUCTION} from "@catalyze/core/ledger/params";
import type {Log} from "@catalyze/core/ports/log";
import type {FrameStream} from "@catalyze/core/ports/net";
import type {SignatureVerifier, Signer} from "@catalyze/core/ports/signer";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AccountId, Hash, OpId} from "@catalyze/core/primitives/id";
import {createSigner, openVerifier} from "@catalyze/daemon/identity/signatures";
import {decodeLedgerFrame, encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {NO_METRICS} from "@catalyze/daemon/ledger/ledgerMetrics";
import {LedgerNode} from "@catalyze/daemon/ledger/ledgerNode";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {LevelStore} from "@catalyze/daemon/store/levelStore";
import {DOMAIN} from "@catalyze/proto/domains";
import {type Bench, figure, median, type Part, type Report} from "./bar.ts";

const ACCOUNTS = 128;
const ROUNDS = 7;
const OPS_PER_ROUND = 4_096;
const OPS_PER_FRAME = 256;
/** Frames on their way at once, so that the witness never waits for its client. */
const WINDOW = 8;

const silent: Log = {debug() {}, info() {}, warn() {}, error() {}, child: () => silent};

export const certified: Part = {
  name: "one-witness",
  what: "certified single-payee ops against raw signature verification of the same thread in the same run",
  run: measure,
};

export const ledger: Bench = {what: "the ledger against raw signature verification", parts: [certified]};

async function measure(report: Report): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "ctz-bench-ledger-"));
  const bench = await open(home);
  try {
    await bench.certify(bench.nextOps(OPS_PER_FRAME));
    const ratios: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ops = bench.nextOps(OPS_PER_ROUND);
      const raw = await rate(OPS_PER_ROUND, async () => bench.verifyAll(ops));
      const certifiedRate = await rate(OPS_PER_ROUND, () => bench.certify(ops));
      rates.push(certifiedRate);
      ratios.push(certifiedRate / raw);
    }
    const latencies: number[] = [];
    for (let at = 0; at < 50; at++) {
      const startMs = performance.now();
      await bench.certify(bench.nextOps(1));
      latencies.push(performance.now() - startMs);
    }
    report(figure("ledger/one-witness", median(rates), "ops/s", median(ratios)));
    report(figure("ledger/certified-latency-p50", median(latencies), "ms"));
  } finally {
    await bench.close();
    await rm(home, {recursive: true, force: true});
  }
}

async function open(home: string) {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const {verifier} = openVerifier(silent);
  const owners = Array.from({length: ACCOUNTS}, (_, index) => createSigner(seedOf(1, index)));
  const vote = createSigner(seedOf(2, 0));
  const nets = await Promise.all(
    [0, 1].map((index) =>
      Libp2pNet.create(
        {clock, random, log: silent},
        {
          seed: seedOf(3, index),
          networkTag: "00000000",
          listen: ["/ip4/127.0.0.1/tcp/0"],
          bootstrap: [],
          mdns: false,
        },
      ),
    ),
  );
  const [witnessNet, clientNet] = nets as [Libp2pNet, Libp2pNet];
  const genesis: Genesis = {
    v: 1,
    name: "bench",
    accounts: owners.map(({publicKey}) => ({id: accountIdOf(publicKey), balance: 1_000_000_000_000n})),
    witnesses: [
      {
        peerId: witnessNet.self,
        voteKey: toHex(vote.publicKey),
        evmAddress: "1".padStart(40, "0"),
        weight: 1,
        account: accountIdOf(owners[0]!.publicKey),
      },
    ],
    params: PARAMS_PRODUCTION,
    aliases: {},
  };
  const store = await LevelStore.open(join(home, "db"));
  const logs = await Promise.all(["signing", "outbox"].map((name) => FileLog.open(join(home, name))));
  const [signingTable, outboxLog] = logs as [FileLog, FileLog];
  const node = new LedgerNode(
    {
      net: witnessNet,
      store,
      signingTable,
      outboxLog,
      clock,
      random,
      log: silent,
      metrics: NO_METRICS,
      verifier,
      accountSigner: owners[0]!,
      voteSigner: vote,
    },
    {
      genesis,
      // One client plays the whole network here.
      budgets: {witness: {perSecond: 1e9, burst: 1e9}, other: {perSecond: 1e9, burst: 1e9}},
    },
  );
  await node.start();
  await Promise.all(nets.map((net) => net.start()));
  const [address] = witnessNet.addresses();
  await clientNet.dial(address!);
  const stream = await clientNet.open(witnessNet.self, "ledger");
  const certified = watchCertified(node);
  return {
    nextOps: opMaker(owners, genesis),
    verifyAll: (ops: readonly Op[]) => verifyAll(ops, verifier, fromHex(genesisHash(genesis))),
    async certify(ops: readonly Op[]) {
      const done = certified(ops.map(({id}) => id));
      await submitAll(stream, ops);
      await done;
    },
    async close() {
      stream.abort();
      await node.stop();
      await Promise.all(nets.map((net) => net.stop()));
      await Promise.all([...logs.map((log) => log.close()), store.close()]);
    },
  };
}

/** Transfers of one payee each, round robin over the accounts, each account's in order. */
function opMaker(owners: readonly Signer[], genesis: Genesis): (count: number) => Op[] {
  const hash = genesisHash(genesis);
  const heads = new Map<AccountId, {seq: bigint; id: OpId}>();
  let turn = 0;
  return (count) =>
    Array.from({length: count}, () => {
      const signer = owners[turn++ % owners.length]!;
      const to = accountIdOf(owners[(turn * 7) % owners.length]!.publicKey);
      const cell = accountIdOf(signer.publicKey);
      const head = heads.get(cell) ?? {seq: 0n, id: NO_OP};
      const op = signOp(
        {
          version: OP_VERSION,
          network: networkIdOf(hash),
          cell,
          seq: head.seq + 1n,
          prev: head.id,
          validFromEpoch: 0,
          validUntilEpoch: 1_000,
          fee: genesis.params.opFee,
          deps: [],
          payload: {kind: "transfer", outputs: [{to, amount: 5n}], memo: "0".repeat(64) as Hash},
        },
        signer,
        fromHex(hash),
      );
      heads.set(cell, {seq: op.body.seq, id: op.id});
      return op;
    });
}

function verifyAll(ops: readonly Op[], verifier: SignatureVerifier, hash: Uint8Array): void {
  for (const {bodyBytes, signatures} of ops) {
    const [{publicKey, signature}] = signatures as [Op["signatures"][number]];
    const {valid} = verifier.verify(signature, signedBytes(DOMAIN.op, hash, bodyBytes), publicKey);
    if (!valid) throw new Error("the benchmark made an invalid signature");
  }
}

function watchCertified(node: LedgerNode): (ids: readonly OpId[]) => Promise<void> {
  let waiting = new Set<OpId>();
  let finish = () => {};
  node.events.certified.add((ops) => {
    for (const id of ops) waiting.delete(id);
    if (waiting.size === 0) finish();
  });
  return async (ids) => {
    waiting = new Set(ids);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
  };
}

async function submitAll(stream: FrameStream, ops: readonly Op[]): Promise<void> {
  let unanswered = 0;
  const answer = async () => {
    const frame = await stream.receive();
    const body = frame === undefined ? undefined : decodeLedgerFrame(frame);
    const refused =
      body?.case === "opSubmitReply" ? body.value.acks.find(({code}) => code !== "") : undefined;
    if (body?.case !== "opSubmitReply" || refused !== undefined) {
      throw new Error(`the witness refused: ${refused?.code} ${refused?.message}`);
    }
    unanswered -= 1;
  };
  for (let at = 0; at < ops.length; at += OPS_PER_FRAME) {
    const frame = ops.slice(at, at + OPS_PER_FRAME).map(({bytes}) => bytes);
    await stream.send(encodeLedgerFrame({case: "opSubmit", value: {ops: frame}}));
    unanswered += 1;
    if (unanswered >= WINDOW) await answer();
  }
  while (unanswered > 0) await answer();
}

async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - startMs);
}

function seedOf(kind: number, index: number): Uint8Array {
  const seed = new Uint8Array(32).fill(kind);
  new DataView(seed.buffer).setUint32(28, index);
  return seed;
}
