/**
 * Makes anchors final that have outlived their challenge window. The contract does so by itself only when the anchor
 * posted last has outlived it as the next one comes; where epochs are shorter than the window that never happens.
 * Until somebody asks, nothing is minted or paid out, and an exit after a pause would start from long ago.
 */
import {catalyzeAnchorAbi} from "@catalyze/contracts/abi/catalyzeAnchor";
import {anchorStruct} from "@catalyze/contracts/anchorDigest";
import {toCodedError} from "@catalyze/core/errors/codedError";
import type {Anchor} from "@catalyze/core/ledger/anchorRules";
import {encodeFunctionData} from "viem";
import type {ChainView} from "./anchorContract.ts";
import type {AnchorPosterComponents, AnchorPosterOptions} from "./anchorPoster.ts";
import {postingRank} from "./postingOrder.ts";

/** Where nobody waits for money: a day of hourly anchors, since each call costs gas. */
const EPOCHS_BEHIND_MAX = 24;

export class AnchorFinalizer {
  readonly #components: AnchorPosterComponents;
  readonly #options: AnchorPosterOptions;
  /** Since when the contract's final epoch is this one, and behind. */
  #behind: {readonly epoch: number; readonly sinceMs: number} | undefined;

  constructor(components: AnchorPosterComponents, options: AnchorPosterOptions) {
    this.#components = components;
    this.#options = options;
  }

  /** `outlived`: newest epoch whose window is over. At most one new transaction. */
  async finalize(view: ChainView, outlived: number): Promise<void> {
    const {book, contract, records, driver, clock, log} = this.#components;
    if (outlived <= view.final.epoch) return;
    const now = clock.monotonicMs();
    if (this.#behind?.epoch !== view.final.epoch) this.#behind = {epoch: view.final.epoch, sinceMs: now};
    if (!this.#isOurTurn(view, now - this.#behind.sinceMs)) return;
    const open = await records.list("finalize");
    if (open.some(({state}) => state === "open") || (await contract.finalEpoch()) >= outlived) return;
    const anchor = book.get(outlived)?.own ?? (await contract.anchorOf(outlived));
    if (anchor === undefined || !isDue(view, anchor)) return;
    const data = encodeFunctionData({
      abi: catalyzeAnchorAbi,
      functionName: "finalize",
      args: [anchorStruct(anchor)],
    });
    try {
      await driver.advance(await driver.plan(outlived, data, "finalize"));
      log.info("anchor made final", {epoch: outlived});
    } catch (error) {
      // The contract's clock is a block behind ours, or somebody was faster: the next look tells.
      if (toCodedError(error).code !== "ANCHOR_REVERTED") throw error;
    }
  }

  /** In the order in which members post, each a step later. */
  #isOurTurn({last, final}: ChainView, behindMs: number): boolean {
    const {memberAt, membersAt, stepMs} = this.#options;
    const member = memberAt(last.epoch + 1);
    const rank = postingRank(final.epoch, member, membersAt(last.epoch + 1));
    return member >= 0 && behindMs >= rank * stepMs;
  }
}

/** Somebody's money waits for it, an exit may begin from what is final, or that is old. */
function isDue({final, isPaused}: ChainView, {epoch, minted, withdrawn}: Anchor): boolean {
  const isOld = epoch - final.epoch >= EPOCHS_BEHIND_MAX;
  return isPaused || isOld || minted !== final.minted || withdrawn !== final.withdrawn;
}
