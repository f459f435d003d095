/** A provider with good manners and bad intentions: real signed asks, then whatever a test makes it do. */
import {randomBytes} from "node:crypto";
import {create, fromBinary, toBinary} from "@bufbuild/protobuf";
import {signAsk} from "@catalyze/core/market/ask";
import {encodeSigned} from "@catalyze/core/market/envelope";
import {legsFor} from "@catalyze/core/market/legs";
import type {FrameStream} from "@catalyze/core/ports/net";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {TaskClass} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {generateNodeKeys} from "@catalyze/daemon/identity/nodeKeys";
import {openVerifier} from "@catalyze/daemon/identity/signatures";
import {Libp2pNet} from "@catalyze/daemon/net/libp2pNet";
import {nodeIdentity} from "@catalyze/daemon/node/nodeIdentity";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {SystemClock} from "@catalyze/daemon/runtime/systemClock";
import {SystemRandom} from "@catalyze/daemon/runtime/systemRandom";
import {type TaskFrame, TaskFrameSchema, type TaskOpen} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {silentLog} from "../../conformance/libp2pSubject.ts";
import {CREATOR, type World} from "./world.ts";

type Body = TaskFrame["body"];

/** One task stream from the liar's side. */
export class Talk {
  readonly open: TaskOpen;
  readonly identity: Identity;
  readonly #stream: FrameStream;

  constructor(stream: FrameStream, open: TaskOpen, identity: Identity) {
    this.#stream = stream;
    this.open = open;
    this.identity = identity;
  }

  async say(body: Parameters<typeof create<typeof TaskFrameSchema>>[1]): Promise<void> {
    await this.#stream.send(toBinary(TaskFrameSchema, create(TaskFrameSchema, body)));
  }

  async raw(bytes: Uint8Array): Promise<void> {
    await this.#stream.send(bytes);
  }

  /** Reads the whole input. */
  async takeInput(): Promise<void> {
    for (;;) {
      const body = await this.hear();
      if (body === undefined || (body.case === "input" && body.value.last)) return;
    }
  }

  async hear(): Promise<Body | undefined> {
    const frame = await this.#stream.receive();
    return frame === undefined ? undefined : fromBinary(TaskFrameSchema, frame).body;
  }
}

export type Behaviour = (talk: Talk) => Promise<void>;

export class Liar {
  readonly net: Libp2pNet;
  readonly identity: Identity;
  readonly #taskClass: TaskClass;

  private constructor(net: Libp2pNet, identity: Identity, taskClass: TaskClass) {
    this.net = net;
    this.identity = identity;
    this.#taskClass = taskClass;
  }

  static async start(world: World, taskClass: string, behaviour: Behaviour): Promise<Liar> {
    const keys = generateNodeKeys();
    const {verifier} = openVerifier(silentLog);
    const identity = nodeIdentity(keys, fromHex(world.hash), verifier);
    const net = await Libp2pNet.create(
      {clock: new SystemClock(), random: new SystemRandom(), log: silentLog},
      {
        ...{seed: keys.peer, networkTag: world.tag, listen: ["/ip4/127.0.0.1/tcp/0"], mdns: false},
        bootstrap: world.members.map(({address}) => address),
      },
    );
    const liar = new Liar(net, identity, taskClass as TaskClass);
    net.subscribe("asks", () => "ignore");
    net.handle("task", async (stream) => {
      const first = await stream.receive();
      if (first === undefined) return;
      const {body} = fromBinary(TaskFrameSchema, first);
      if (body.case === "open") await behaviour(new Talk(stream, body.value, identity));
    });
    await net.start();
    return liar;
  }

  /** A price that nobody can pass over. */
  async ask(): Promise<void> {
    const now = Date.now();
    const terms = {
      ...{askId: toHex(randomBytes(16)), account: this.identity.account, peer: this.identity.peer},
      ...{taskClass: this.#taskClass, unit: "mac" as const, unitPrice: 10n, feeMin: 100n},
      legs: legsFor(
        {provider: this.identity.account, creator: {account: CREATOR, bps: 500}},
        {protocolFeeBps: 500},
      ),
      ...{determinism: "", unitsPerSecond: 10n ** 10n, slots: 4, slotsBusy: 0, queueLength: 0, isWarm: true},
      ...{issuedAtMs: now as UnixMs, expiresAtMs: (now + 30_000) as UnixMs, sequence: BigInt(now)},
    };
    const signed = signAsk(terms, this.identity.binding, this.identity.accountSigner, this.identity);
    await this.net.publish("asks", encodeSigned(signed));
  }

  async stop(): Promise<void> {
    await this.net.stop();
  }
}
