/**
 * One long-lived stream to one witness, fed from a bounded queue. A peer that is slow or away loses what
 * does not fit: it sees the gap and syncs. Nothing here waits for a peer.
 */
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";

/** Enough for a second of full entries; more is cheaper to fetch in one sync. */
const FRAMES_MAX = 512;
const BYTES_MAX = 16 * 1024 * 1024;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5_000;

export type PushQueueComponents = {readonly net: Net; readonly clock: Clock};

export class PushQueue {
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #peer: PeerId;
  readonly #abort = new AbortController();
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #stream: FrameStream | undefined;
  #pump: Promise<void> | undefined;
  /** Frames dropped since the start. */
  dropped = 0;

  constructor({net, clock}: PushQueueComponents, peer: PeerId) {
    this.#net = net;
    this.#clock = clock;
    this.#peer = peer;
  }

  push(frame: Uint8Array): void {
    if (this.#abort.signal.aborted) return;
    if (this.#frames.length >= FRAMES_MAX || this.#bytes + frame.length > BYTES_MAX) {
      // The oldest are worth least: what follows them arrives as a gap and is fetched.
      this.dropped += this.#frames.length;
      this.#frames = [];
      this.#bytes = 0;
    }
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#pump ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#stream?.abort();
    await this.#pump;
  }

  async #run(): Promise<void> {
    let delayMs = RETRY_MIN_MS;
    while (this.#frames.length > 0 && !this.#abort.signal.aborted) {
      const frames = this.#frames;
      try {
        this.#stream ??= await this.#open();
        const [frame] = frames;
        if (frame === undefined) break;
        await this.#stream.send(frame);
        // Taken off only now: a frame that broke its stream goes again, and a repeat changes nothing.
        if (this.#frames === frames) {
          frames.shift();
          this.#bytes -= frame.length;
        }
        delayMs = RETRY_MIN_MS;
      } catch {
        this.#stream = undefined;
        await this.#pause(delayMs);
        delayMs = Math.min(delayMs * 2, RETRY_MAX_MS);
      }
    }
    this.#pump = undefined;
  }

  async #open(): Promise<FrameStream> {
    const stream = await this.#net.open(this.#peer, "ledger", this.#abort.signal);
    // Nothing is expected back; reading notices when the other side ends the stream.
    const forget = () => {
      if (this.#stream === stream) this.#stream = undefined;
    };
    stream.receive(this.#abort.signal).then(() => {
      forget();
      stream.abort();
    }, forget);
    return stream;
  }

  async #pause(delayMs: number): Promise<void> {
    try {
      await this.#clock.sleep(delayMs, this.#abort.signal);
    } catch {
      // Stopped.
    }
  }
}
