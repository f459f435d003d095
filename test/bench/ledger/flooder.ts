/**
 * A peer that wants to do harm, in a process of its own: frames of one kind as fast as they are taken, over as
 * many streams as it gets. Who is thrown out comes back as somebody else.
 */
import {randomBytes} from "node:crypto";
import {setTimeout as sleep} from "node:timers/promises";
import "@catalyze/core/primitives/polyfill";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import {OP_VERSION, type Op} from "@catalyze/core/ledger/op";
import {NO_OP, signOp} from "@catalyze/core/ledger/opCodec";
import type {AccountId, Hash} from "@catalyze/core/primitives/id";
import {createSigner} from "@catalyze/daemon/identity/signatures";
import {encodeLedgerFrame} from "@catalyze/daemon/ledger/ledgerFrame";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";

/** What it sends: ops nobody signed, ops of accounts that are not there, one op over and over, no frames at all. */
export const FLOODS = ["wrong signatures", "unknown accounts", "repeated op", "garbage"] as const;
export type Flood = (typeof FLOODS)[number];

export type FloodOrder = {
  readonly flood: Flood;
  /** Of the node that is to suffer. */
  readonly address: string;
  /** Hex. */
  readonly genesisHash: string;
  readonly network: number;
  readonly fee: string;
  /** Base64 of an op that is certified. */
  readonly known: string;
};

const OPS_PER_FRAME = 512;
const STREAMS = 8;
const SILENT = {debug() {}, info() {}, warn() {}, error() {}, child: () => SILENT};
/** Before it tries again as somebody else. */
const AGAIN_MS = 50;

export async function floodForever(order: FloodOrder): Promise<never> {
  const frame = frameOf(order);
  for (;;) {
    await asSomebody(order, frame).catch(() => undefined);
    await sleep(AGAIN_MS);
  }
}

async function asSomebody({address}: FloodOrder, frame: Uint8Array): Promise<void> {
  const net = await Libp2pNet.create(
    {clock: new SystemClock(), random: new SystemRandom(), log: SILENT},
    {seed: randomBytes(32), networkTag: "00000000", listen: [], bootstrap: [], mdns: false},
  );
  await net.start();
  try {
    const peer = await net.dial(address);
    await Promise.all(
      Array.from({length: STREAMS}, async () => {
        const stream = await net.open(peer, "ledger");
        for (;;) {
          await stream.send(frame);
          if ((await stream.receive()) === undefined) return;
        }
      }),
    );
  } finally {
    await net.stop();
  }
}

function frameOf(order: FloodOrder): Uint8Array {
  if (order.flood === "garbage") return randomBytes(64 * 1024);
  const ops = Array.from({length: OPS_PER_FRAME}, () => opOf(order));
  return encodeLedgerFrame({case: "opSubmit", value: {ops}});
}

function opOf({flood, known, ...world}: FloodOrder): Uint8Array {
  if (flood === "repeated op") return Buffer.from(known, "base64");
  const {bytes} = strangersOp(world);
  const spoilt = bytes.slice();
  if (flood === "wrong signatures") spoilt[spoilt.length - 40] = (spoilt[spoilt.length - 40] ?? 0) ^ 1;
  return spoilt;
}

function strangersOp({network, fee, genesisHash}: Pick<FloodOrder, "network" | "fee" | "genesisHash">): Op {
  const signer = createSigner(randomBytes(32));
  const to = randomBytes(32).toString("hex") as AccountId;
  const memo = "0".repeat(64) as Hash;
  return signOp(
    {
      ...{version: OP_VERSION, network, cell: accountIdOf(signer.publicKey), seq: 1n, prev: NO_OP, deps: []},
      ...{validFromEpoch: 0, validUntilEpoch: 1_000_000, fee: BigInt(fee)},
      payload: {kind: "transfer", outputs: [{to, amount: 1n}], memo},
    },
    signer,
    Buffer.from(genesisHash, "hex"),
  );
}
