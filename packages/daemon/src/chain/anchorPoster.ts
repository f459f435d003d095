/** Posts the next anchor that has a quorum when it is this member's turn, and follows it to finality. */
import {catalyzeAnchorAbi} from "@catalyze/contracts/abi/catalyzeAnchor";
import {anchorStruct} from "@catalyze/contracts/anchorDigest";
import {type Anchor, checkAnchor} from "@catalyze/core/ledger/anchorRules";
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import {encodeFunctionData, type Hex} from "viem";
import type {AnchorBook, AnchorMembers} from "./anchorBook.ts";
import type {AnchorContract, ChainView} from "./anchorContract.ts";
import {type AnchorSignature, compactParts} from "./anchorSignature.ts";
import {postingRank} from "./postingOrder.ts";
import type {TxDriver} from "./txDriver.ts";
import type {TxRecord, TxRecords} from "./txRecord.ts";

export type AnchorPosterComponents = {
  readonly book: AnchorBook;
  readonly contract: AnchorContract;
  readonly driver: TxDriver;
  readonly records: TxRecords;
  readonly clock: Clock;
  readonly log: Log;
};

export type AnchorPosterOptions = {
  readonly membersAt: AnchorMembers;
  /** Own place in that list; −1 posts nothing. */
  readonly memberAt: (epoch: number) => number;
  /** How much longer each next member waits. */
  readonly stepMs: number;
};

export class AnchorPoster {
  readonly #components: AnchorPosterComponents;
  readonly #options: AnchorPosterOptions;
  readonly #quorumAtMs = new Map<number, number>();
  #latest: TxRecord | undefined;

  constructor(components: AnchorPosterComponents, options: AnchorPosterOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** The transaction of the newest epoch that this node posted. */
  get latest(): TxRecord | undefined {
    return this.#latest;
  }

  async start(): Promise<void> {
    this.#latest = (await this.#components.records.list("submit", 1))[0];
  }

  /** Sends again what is not final, in the order of nonces. */
  async driveOpen(): Promise<void> {
    const {records, driver, log} = this.#components;
    for (const record of await records.open()) {
      const next = await driver.advance(record);
      // Two members may make the same epoch final at once; the second is refused, and nothing is lost but gas.
      if (next.purpose === "finalize") continue;
      if (next.epoch >= (this.#latest?.epoch ?? 0)) this.#latest = next;
      if (next.state === "reverted") log.warn("the contract refused a sent anchor", {epoch: next.epoch});
    }
  }

  /** At most one new transaction. */
  async postNext(view: ChainView): Promise<void> {
    const {book, records, driver, log} = this.#components;
    const epoch = view.last.epoch + 1;
    const quorum = book.quorumOf(epoch);
    const anchor = quorum?.[0]?.anchor;
    if (quorum === undefined || anchor === undefined || this.#options.memberAt(epoch) < 0) return;
    if ((await records.get(epoch))?.state === "open" || !this.#isOurTurn(epoch)) return;
    const problem = await this.#problemOf(anchor, view);
    if (problem !== undefined) {
      log.error("the contract would refuse this anchor", {epoch, problem});
      return;
    }
    const planned = await driver.plan(epoch, this.#callData(anchor, quorum));
    this.#latest = planned;
    this.#latest = await driver.advance(planned);
    log.info("anchor sent", {epoch, root: anchor.stateRoot});
  }

  /** Forgets transactions of epochs that the book has forgotten. */
  async prune(): Promise<void> {
    const {records, book} = this.#components;
    const all = [...(await records.list("submit")), ...(await records.list("finalize"))];
    const old = all.filter(
      ({state, epoch}) => state !== "open" && book.get(epoch) === undefined && epoch !== this.#latest?.epoch,
    );
    if (old.length > 0) await records.remove(old);
  }

  /** From the moment at which this node had a quorum, each next member waits a step longer. */
  #isOurTurn(epoch: number): boolean {
    const {memberAt, membersAt, stepMs} = this.#options;
    const now = this.#components.clock.monotonicMs();
    for (const each of this.#quorumAtMs.keys()) if (each !== epoch) this.#quorumAtMs.delete(each);
    const since = this.#quorumAtMs.get(epoch) ?? now;
    this.#quorumAtMs.set(epoch, since);
    return now - since >= postingRank(epoch, memberAt(epoch), membersAt(epoch)) * stepMs;
  }

  async #problemOf(anchor: Anchor, {last, emissionAllowed}: ChainView) {
    const deposited = await this.#components.contract.depositedUpTo(anchor.depositCursor);
    return checkAnchor(last, anchor, {depositedUpTo: () => deposited, emissionAllowed});
  }

  #callData(anchor: Anchor, quorum: readonly AnchorSignature[]): Hex {
    const signatures = quorum.map(({member, signature}) => ({
      member: BigInt(member),
      ...compactParts(signature),
    }));
    return encodeFunctionData({
      abi: catalyzeAnchorAbi,
      functionName: "submit",
      args: [anchorStruct(anchor), this.#options.membersAt(anchor.epoch), signatures],
    });
  }
}
