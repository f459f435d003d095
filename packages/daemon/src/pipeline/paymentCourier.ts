/**
 * Vouchers that their payees have not acknowledged. Each rides with the next request too; but there may be
 * none, so they are sent again when the payee comes back, and now and then, until the lock is closed.
 */
import {CodedError, codeFromPeer} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {LedgerClient} from "@catalyze/core/ports/ledger";
import type {Log} from "@catalyze/core/ports/log";
import type {Net} from "@catalyze/core/ports/net";
import type {LockId, PeerId} from "@catalyze/core/primitives/id";
import {TaskFrameSchema} from "@catalyze/proto/gen/catalyze/v1/task_pb";
import {LIMITS} from "@catalyze/proto/limits";
import type {Payment} from "./attempt.ts";
import {withDeadline} from "./deadline.ts";
import {MessageStream} from "./messageStream.ts";

export type PaymentCourierComponents = {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: LedgerClient;
};

/** One voucher of a lock; a later one pays for all before it. */
export type Delivery = {
  readonly peer: PeerId;
  readonly lockId: LockId;
  readonly cumulative: bigint;
  readonly payment: Payment;
};

const DELIVER_MS = 3_000;
const RETRY_MS = 10_000;
/** Locks with an undelivered voucher; beyond it the oldest waits for the next request on its lock. */
const OWED_MAX = 1_000;

export class PaymentCourier {
  readonly #components: PaymentCourierComponents;
  readonly #owed = new Map<LockId, Delivery>();
  readonly #sending = new Set<LockId>();
  #stops: (() => void)[] = [];

  constructor(components: PaymentCourierComponents) {
    this.#components = components;
  }

  start(): void {
    const {net, clock} = this.#components;
    let cancel: () => void = () => undefined;
    const schedule = () => {
      cancel = clock.after(RETRY_MS, () => {
        this.#sendAll();
        schedule();
      });
    };
    schedule();
    this.#stops = [
      () => cancel(),
      net.onPeer(({kind, peer}) => {
        if (kind === "up") this.#sendAll(peer);
      }),
    ];
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  get owedCount(): number {
    return this.#owed.size;
  }

  /** Sends at once, and again until it arrives. */
  deliver(delivery: Delivery): void {
    const {lockId, cumulative} = delivery;
    const known = this.#owed.get(lockId);
    if (known !== undefined && known.cumulative >= cumulative) return;
    this.#owed.set(lockId, delivery);
    const [oldest] = this.#owed.keys();
    if (this.#owed.size > OWED_MAX && oldest !== undefined) this.#owed.delete(oldest);
    void this.#send(lockId);
  }

  #sendAll(peer?: PeerId): void {
    for (const delivery of [...this.#owed.values()]) {
      if (peer === undefined || delivery.peer === peer) void this.#send(delivery.lockId);
    }
  }

  async #send(lockId: LockId): Promise<void> {
    const {ledger, log} = this.#components;
    const delivery = this.#owed.get(lockId);
    if (delivery === undefined || this.#sending.has(lockId)) return;
    if (ledger.lockView(lockId)?.isOpen === false) {
      this.#owed.delete(lockId);
      return;
    }
    this.#sending.add(lockId);
    try {
      await this.#hand(delivery);
      if (this.#owed.get(lockId) === delivery) this.#owed.delete(lockId);
    } catch (error) {
      log.debug("payment not delivered yet", {peer: delivery.peer, error});
    } finally {
      this.#sending.delete(lockId);
    }
  }

  /** Returns once the payee has closed its side without a complaint: then the voucher is on its disk. */
  async #hand({peer, payment}: Delivery): Promise<void> {
    const {clock, net} = this.#components;
    await withDeadline({clock, ms: DELIVER_MS, code: "PEER_UNREACHABLE"}, async (signal) => {
      const stream = new MessageStream(
        await net.open(peer, "task", signal),
        TaskFrameSchema,
        LIMITS.taskFrameBytesMax,
      );
      try {
        await stream.send({body: {case: "payment", value: payment}});
        const reply = await stream.receive(signal);
        await stream.close();
        if (reply?.body.case === "failure") throw new CodedError(codeFromPeer(reply.body.value.code));
      } catch (error) {
        stream.abort();
        throw error;
      }
    });
  }
}
