/** A network on which everything that this node says arrives late, in its order, and nothing is lost. */
import type {FrameStream, Net, StreamHandler} from "@catalyze/core/ports/net";

/** What waits on one stream may fill this many frames; then the node itself has to wait. */
const WAITING_MAX = 1_024;

export function slowNet(net: Net, delayMs: () => number): Net {
  const late = async () => await new Promise<void>((resolve) => setTimeout(resolve, delayMs()));
  return {
    self: net.self,
    peers: () => net.peers(),
    hostOf: (peer) => net.hostOf(peer),
    onPeer: (listener) => net.onPeer(listener),
    publish: async (topic, data) => {
      await late();
      await net.publish(topic, data);
    },
    subscribe: (topic, handler) => net.subscribe(topic, handler),
    handle: (protocol, handler: StreamHandler) =>
      net.handle(protocol, (stream) => handler(new SlowStream(stream, late))),
    open: async (peer, protocol, signal) => new SlowStream(await net.open(peer, protocol, signal), late),
    penalize: (peer, code) => net.penalize(peer, code),
  };
}

class SlowStream implements FrameStream {
  readonly #stream: FrameStream;
  readonly #late: () => Promise<void>;
  #tail: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: unknown;

  constructor(stream: FrameStream, late: () => Promise<void>) {
    this.#stream = stream;
    this.#late = late;
  }

  get peer() {
    return this.#stream.peer;
  }

  async send(frame: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#waiting += 1;
    const due = this.#late();
    const sent = this.#tail.then(async () => {
      await due;
      await this.#stream.send(frame);
    });
    this.#tail = sent.then(
      () => this.#done(undefined),
      (error: unknown) => this.#done(error),
    );
    if (this.#waiting >= WAITING_MAX) await this.#tail;
  }

  async receive(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    return await this.#stream.receive(signal);
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#stream.close();
  }

  abort(reason?: Error): void {
    this.#stream.abort(reason);
  }

  #done(failure: unknown): void {
    this.#waiting -= 1;
    this.#failure ??= failure;
  }
}
