/**
 * B5: a provider takes in vouchers as in production: decode, look the lock up in the ledger, check the
 * signature, and write it to log and store with fsync before it counts. Against the same thread checking the
 * same signatures. On the ledger a stream of vouchers is one `open` and one `claim`, which is counted too.
 */
import {join} from "node:path";
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {LockSpec, Op, Voucher} from "@catalyze/core/ledger/op";
import {lockIdOf} from "@catalyze/core/ledger/opCodec";
import {CONTEXT_START, encodeVoucher, signVoucher, verifyVoucher} from "@catalyze/core/ledger/voucher";
import type {Hash, LockId} from "@catalyze/core/primitives/id";
import {VoucherBook} from "@catalyze/daemon/ledger/voucherBook";
import type {Identity} from "@catalyze/daemon/pipeline/identity";
import {IncomingPayments} from "@catalyze/daemon/pipeline/incomingPayments";
import {FileLog} from "@catalyze/daemon/store/fileLog";
import {atLeast, atMost, figure, type Part} from "../bar.ts";
import {Cluster} from "./cluster.ts";
import {clock} from "./member.ts";
import {OpFeeder} from "./opFeeder.ts";
import {OpMaker} from "./opMaker.ts";
import {alternate, rate} from "./rounds.ts";
import type {World} from "./world.ts";

/** Payers that pay at once: a lock takes one voucher after the other, each on disk before the next. */
const LOCKS = 1_024;
const VOUCHERS_EACH = 4;
const STREAM = 10_000;
const OPS_PER_STREAM_MAX = 2;
const PAYER = 1;
const PROVIDER = 0;
/** `open` carries at most so many. */
const LOCKS_PER_OP = 8;
const AMOUNT = 10_000_000n;

export const vouchers: Part = {
  name: "vouchers",
  what: "vouchers accepted on 1,024 locks, against raw signature verification; ledger ops of a stream of 10,000",
  async run(report) {
    const cluster = await Cluster.open({witnesses: 1});
    const provider = await Provider.open(cluster);
    try {
      const locks = await provider.openLocks(LOCKS);
      const {measured, ratio} = await alternate(async () => {
        const sent = Array.from({length: VOUCHERS_EACH}, () =>
          locks.map((lock) => provider.pay(lock)),
        ).flat();
        const received = sent.map(encodeVoucher);
        const reference = await rate(sent.length, () => provider.verifyAll(sent));
        return {reference, measured: await rate(sent.length, () => provider.acceptAll(received))};
      });
      report(atLeast("ledger/voucher-accept", {value: measured, unit: "vouchers/s", ratio}, 0.8));

      const before = provider.opsCertified;
      const [lock] = await provider.openLocks(1);
      const stream = Array.from({length: STREAM}, () => provider.pay(lock!));
      const received = stream.map(encodeVoucher);
      const perSecond = await rate(STREAM, () => provider.acceptAll(received));
      await provider.claim(lock!, stream.at(-1)!);
      const ops = provider.opsCertified - before;
      report(figure("ledger/voucher-accept-one-lock", perSecond, "vouchers/s"));
      report(atMost("ledger/ops-per-10000-vouchers", ops, OPS_PER_STREAM_MAX, "ops"));
    } finally {
      await provider.close();
      await cluster.close();
    }
  },
};

class Provider {
  readonly #world: World;
  readonly #feeder: OpFeeder;
  readonly #maker: OpMaker;
  readonly #book: VoucherBook;
  readonly #log: FileLog;
  readonly #payments: IncomingPayments;
  readonly #cluster: Cluster;
  readonly #paid = new Map<LockId, bigint>();
  opsCertified = 0;

  private constructor(cluster: Cluster, feeder: OpFeeder, log: FileLog) {
    this.#cluster = cluster;
    this.#world = cluster.world;
    this.#feeder = feeder;
    this.#maker = new OpMaker(cluster.world);
    this.#log = log;
    const {node, store, net, verifier} = cluster.members[0]!;
    this.#book = new VoucherBook({store, log});
    const identity: Identity = {
      account: node.account,
      peer: net.self,
      accountSigner: this.#world.owners[PROVIDER]!,
      // Only asks name it.
      binding: undefined as never,
      genesisHash: this.#world.hash,
      verifier,
      checks: verifier,
      keyOfPeer: () => undefined,
    };
    this.#payments = new IncomingPayments({
      clock,
      ledger: node,
      vouchers: this.#book,
      identity,
      creditedOn: () => 0n,
    });
    node.events.certified.add((ids) => {
      this.opsCertified += ids.length;
    });
  }

  static async open(cluster: Cluster): Promise<Provider> {
    const log = await FileLog.open(join(cluster.folder, "vouchers"));
    const provider = new Provider(cluster, await OpFeeder.open(cluster), log);
    await provider.#book.start();
    return provider;
  }

  async close(): Promise<void> {
    await this.#feeder.close();
    await this.#book.stop();
    await this.#log.close();
  }

  /** Funded by one payer, drawn by the provider. */
  async openLocks(count: number): Promise<LockId[]> {
    const ops: Op[] = [];
    for (let left = count; left > 0; left -= LOCKS_PER_OP) {
      const locks = Array.from({length: Math.min(left, LOCKS_PER_OP)}, () => this.#spec());
      ops.push(this.#maker.sign(PAYER, {kind: "open", locks}));
    }
    await this.#feeder.certify(ops);
    return ops.flatMap(({id, body: {payload}}) =>
      payload.kind === "open" ? payload.locks.map((_, index) => lockIdOf(id, index)) : [],
    );
  }

  /** The next voucher of a lock, as its payer signs it. */
  pay(lockId: LockId): Voucher {
    const cumulative = (this.#paid.get(lockId) ?? 0n) + 1n;
    this.#paid.set(lockId, cumulative);
    const body = {lockId, cumulative, contextHash: CONTEXT_START};
    return signVoucher(body, this.#world.owners[PAYER]!, this.#world.hash);
  }

  verifyAll(sent: readonly Voucher[]): void {
    const {owners, verifier, hash} = this.#world;
    const {publicKey} = owners[PAYER]!;
    for (const voucher of sent)
      if (!verifyVoucher(verifier, hash, voucher, publicKey).valid) throw new Error("an invalid voucher");
  }

  async acceptAll(received: readonly Uint8Array[]): Promise<void> {
    await Promise.all(received.map((bytes) => this.#payments.accept(bytes)));
  }

  async claim(lockId: LockId, voucher: Voucher): Promise<void> {
    const {node} = this.#cluster.members[0]!;
    const {cumulative} = voucher;
    await node.submit(lockId, {kind: "claim", cumulative, voucher, isFinal: true});
  }

  #spec(): LockSpec {
    const [provider, payer] = [this.#world.owners[PROVIDER]!, this.#world.owners[PAYER]!];
    const controller = accountIdOf(provider.publicKey);
    return {
      controller,
      controllerKey: provider.publicKey,
      amount: AMOUNT,
      tag: "0".repeat(64) as Hash,
      authority: {kind: "payer", key: payer.publicKey},
      split: [{target: {kind: "cell", cell: controller}, bps: 10_000}],
      expiryH: 1_000_000n,
      refundTo: accountIdOf(payer.publicKey),
    };
  }
}
