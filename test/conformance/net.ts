/** What every `Net` promises. `make(count)` gives that many nodes, all connected to each other. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FrameStream, Net, PeerEvent} from "@catalyze/core/ports/net";
import {FRAME_BYTES_MAX, GOSSIP_BYTES_MAX} from "@catalyze/proto/frameLimits";
import type {ProtocolName} from "@catalyze/proto/topics";
import {describe, expect, it} from "vitest";

export type NetSubject = {
  readonly nets: readonly Net[];
  /** Awaits `work` while the subject's time passes. */
  readonly complete: <T>(work: Promise<T>) => Promise<T>;
  readonly waitFor: (condition: () => boolean) => Promise<void>;
  /** Lets the subject's time pass. */
  readonly rest: (ms: number) => Promise<void>;
  /** A stream from node 0 to node 1 that a hostile peer writes: one frame of any size. */
  readonly sendHostileFrame: (protocol: ProtocolName, frame: Uint8Array) => Promise<void>;
  /** Node `index` vanishes without a word. */
  readonly kill: (index: number) => Promise<void>;
  readonly dispose: () => Promise<void>;
};

const frameOf = (value: number, length = 4) => new Uint8Array(length).fill(value);

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof CodedError ? error.code : `uncoded: ${error}`;
  }
}

async function echo(stream: FrameStream): Promise<void> {
  for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
    await stream.send(frame);
  }
  await stream.close();
}

export function netConformance(name: string, make: (count: number) => Promise<NetSubject>): void {
  const withNets = async (
    count: number,
    run: (subject: NetSubject, nets: [Net, Net, Net]) => Promise<void>,
  ) => {
    const subject = await make(count);
    try {
      await run(subject, subject.nets as [Net, Net, Net]);
    } finally {
      await subject.dispose();
    }
  };

  describe(`net: ${name}`, () => {
    it("lists its peers with a direction and an address", () =>
      withNets(2, async (_, [left, right]) => {
        expect(left.peers().map(({peer}) => peer)).toEqual([right.self]);
        expect(right.peers().map(({peer}) => peer)).toEqual([left.self]);
        const directions = [left.peers()[0]?.direction, right.peers()[0]?.direction].sort();
        expect(directions).toEqual(["inbound", "outbound"]);
        expect(left.peers()[0]!.addresses.length).toBeGreaterThan(0);
      }));

    it("carries frames in order both ways, empty and largest ones too", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("task", echo);
        const stream = await complete(left.open(right.self, "task"));
        expect(stream.peer).toBe(right.self);
        const frames = [frameOf(1), frameOf(2, 0), frameOf(3, FRAME_BYTES_MAX.task), frameOf(4)];
        for (const frame of frames) await complete(stream.send(frame));
        await complete(stream.close());
        for (const frame of frames) {
          const back = await complete(stream.receive());
          expect(Buffer.compare(back!, frame)).toBe(0);
        }
        expect(await complete(stream.receive())).toBeUndefined();
        expect(await complete(stream.receive())).toBeUndefined();
      }));

    it("tells the handler who called", () =>
      withNets(2, async ({complete, waitFor}, [left, right]) => {
        let caller: string | undefined;
        right.handle("market", async (stream) => {
          caller = stream.peer;
          await stream.close();
        });
        const stream = await complete(left.open(right.self, "market"));
        await waitFor(() => caller !== undefined);
        expect(caller).toBe(left.self);
        expect(await complete(stream.receive())).toBeUndefined();
      }));

    it("refuses a protocol nobody handles, and one handled no more", () =>
      withNets(2, async ({complete}, [left, right]) => {
        expect(await complete(codeOf(left.open(right.self, "blob")))).toBe("PEER_UNREACHABLE");
        const stop = right.handle("blob", echo);
        (await complete(left.open(right.self, "blob"))).abort();
        stop();
        await complete(Promise.resolve());
        expect(await complete(codeOf(left.open(right.self, "blob")))).toBe("PEER_UNREACHABLE");
      }));

    it("refuses to send a frame over the limit", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("market", echo);
        const stream = await complete(left.open(right.self, "market"));
        const tooLarge = frameOf(1, FRAME_BYTES_MAX.market + 1);
        expect(await complete(codeOf(stream.send(tooLarge)))).toBe("FRAME_TOO_LARGE");
        stream.abort();
      }));

    it("breaks the stream of a peer that sends a frame over the limit, and serves on", () =>
      withNets(2, async ({complete, waitFor, sendHostileFrame}, [left, right]) => {
        const codes: string[] = [];
        right.handle("market", async (stream) => {
          codes.push(await codeOf(echo(stream)));
        });
        await complete(
          sendHostileFrame("market", frameOf(1, FRAME_BYTES_MAX.market + 1)).catch(() => {
            // The far side may reset the stream while we still write.
          }),
        );
        await waitFor(() => codes.length === 1);
        expect(codes).toEqual(["FRAME_TOO_LARGE"]);
        const stream = await complete(left.open(right.self, "market"));
        await complete(stream.send(frameOf(5)));
        expect(await complete(stream.receive())).toEqual(frameOf(5));
        stream.abort();
      }));

    it("makes a sender wait for a slow reader, and loses nothing", () =>
      withNets(2, async ({complete, waitFor, rest}, [left, right]) => {
        let start!: () => void;
        const started = new Promise<void>((resolve) => {
          start = resolve;
        });
        const received: number[] = [];
        right.handle("ledger", async (stream) => {
          await started;
          for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
            received.push(frame[0]!);
          }
          await stream.close();
        });
        const stream = await complete(left.open(right.self, "ledger"));
        let sent = 0;
        const sending = (async () => {
          for (; sent < 40; sent++) await stream.send(frameOf(sent, 1024 * 1024));
          await stream.close();
        })();
        await waitFor(() => sent > 0);
        await rest(300);
        expect(sent).toBeLessThan(30);
        start();
        await complete(sending);
        await waitFor(() => received.length === 40);
        expect(received).toEqual(Array.from({length: 40}, (_, index) => index));
      }));

    it("ends what waits when the other side aborts", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("task", async (stream) => {
          await stream.receive();
          stream.abort();
        });
        const stream = await complete(left.open(right.self, "task"));
        await complete(stream.send(frameOf(1)));
        expect(await complete(codeOf(stream.receive()))).toBe("PEER_UNREACHABLE");
        expect(await complete(codeOf(stream.send(frameOf(2))))).toBe("PEER_UNREACHABLE");
      }));

    it("resets the stream when its handler throws", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("task", async () => {
          throw new Error("broken handler");
        });
        const stream = await complete(left.open(right.self, "task"));
        expect(await complete(codeOf(stream.receive()))).toBe("PEER_UNREACHABLE");
      }));

    it("gives up a receive on a signal and keeps the frame for the next", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("task", echo);
        const stream = await complete(left.open(right.self, "task"));
        const abort = new AbortController();
        const waiting = stream.receive(abort.signal).catch((error) => error);
        abort.abort(new Error("no longer wanted"));
        expect((await complete(waiting)).message).toBe("no longer wanted");
        await complete(stream.send(frameOf(7)));
        expect(await complete(stream.receive())).toEqual(frameOf(7));
        stream.abort();
      }));

    it("says when a peer that was killed is gone, and fails what waited for it", () =>
      withNets(2, async ({complete, waitFor, kill}, [left, right]) => {
        const events: PeerEvent[] = [];
        left.onPeer((event) => events.push(event));
        right.handle("task", async (stream) => {
          await stream.receive();
        });
        const stream = await complete(left.open(right.self, "task"));
        const waiting = codeOf(stream.receive());
        await kill(1);
        expect(await complete(waiting)).toBe("PEER_UNREACHABLE");
        await waitFor(() => events.some(({kind, peer}) => kind === "down" && peer === right.self));
        expect(left.peers()).toEqual([]);
        expect(await complete(codeOf(left.open(right.self, "task")))).toBe("PEER_UNREACHABLE");
      }));

    it("survives a thousand streams from one peer", () =>
      withNets(2, async ({complete}, [left, right]) => {
        right.handle("market", echo);
        const held: FrameStream[] = [];
        for (let index = 0; index < 1000; index += 100) {
          const opened = await complete(
            Promise.allSettled(Array.from({length: 100}, () => left.open(right.self, "market"))),
          );
          for (const result of opened) if (result.status === "fulfilled") held.push(result.value);
        }
        for (const stream of held) stream.abort();
        const ask = async () => {
          const stream = await left.open(right.self, "market");
          await stream.send(frameOf(1));
          return (await stream.receive())?.[0];
        };
        let answer: number | undefined;
        for (let tries = 0; tries < 20 && answer === undefined; tries++) {
          answer = await complete(ask().catch(() => undefined));
        }
        expect(answer).toBe(1);
      }));

    it("gossips to every other subscriber once, never to itself", () =>
      withNets(3, async ({complete, rest}, [first, second, third]) => {
        const heard: string[] = [];
        for (const [index, net] of [first, second, third].entries()) {
          net.subscribe("asks", ({data}) => {
            heard.push(`${index}:${data[0]}`);
            return "accept";
          });
        }
        const isHeard = () => ["1:", "2:"].every((node) => heard.some((entry) => entry.startsWith(node)));
        await publishUntil(first, isHeard, {complete, rest});
        await rest(500);
        expect(isHeard()).toBe(true);
        expect(new Set(heard).size).toBe(heard.length);
        expect(heard.filter((entry) => entry.startsWith("0:"))).toEqual([]);
      }));

    it("does not crash on a validator that throws, and refuses an oversize publish", () =>
      withNets(2, async ({complete, rest}, [left, right]) => {
        let calls = 0;
        right.subscribe("asks", () => {
          calls += 1;
          throw new Error("broken validator");
        });
        await publishUntil(left, () => calls > 1, {complete, rest});
        expect(calls).toBeGreaterThan(1);
        expect(left.peers()).toHaveLength(1);
        const tooLarge = frameOf(1, GOSSIP_BYTES_MAX.offers + 1);
        expect(await complete(codeOf(left.publish("offers", tooLarge)))).toBe("FRAME_TOO_LARGE");
      }));

    it("publishes the same bytes twice, and to nobody, without an error", () =>
      withNets(2, async ({complete}, [left]) => {
        await complete(left.publish("awards", frameOf(1)));
        await complete(left.publish("awards", frameOf(1)));
      }));

    it("hangs up on a peer that goes on breaking the protocol, and refuses it", () =>
      withNets(2, async ({complete, waitFor}, [left, right]) => {
        left.handle("task", echo);
        right.handle("task", echo);
        left.penalize(right.self, "SIGNATURE_INVALID");
        expect(left.peers()).toHaveLength(1);
        left.penalize(right.self, "SIGNATURE_INVALID");
        await waitFor(() => left.peers().length === 0);
        expect(await complete(codeOf(left.open(right.self, "task")))).toBe("PEER_UNREACHABLE");
        expect(await complete(codeOf(openAndAsk(right, left)))).toBe("PEER_UNREACHABLE");
      }));
  });
}

/** Subscriptions take a moment to be known: publishes one value after the other until one is heard. */
async function publishUntil(
  net: Net,
  isHeard: () => boolean,
  {complete, rest}: Pick<NetSubject, "complete" | "rest">,
): Promise<void> {
  for (let value = 1; value < 100 && !isHeard(); value++) {
    await complete(net.publish("asks", frameOf(value)));
    await rest(50);
  }
}

async function openAndAsk(from: Net, to: Net): Promise<void> {
  const stream = await from.open(to.self, "task");
  await stream.send(frameOf(1));
  await stream.receive();
}
