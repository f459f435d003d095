/**
 * Both sides of a ratio in turn, over and over, in one run: on a machine that others use, a rate says
 * little and the ratio of two neighbouring rounds much.
 */
import {performance} from "node:perf_hooks";
import {signedBytes} from "@catalyze/core/crypto/signed";
import type {Op} from "@catalyze/core/ledger/op";
import {DOMAIN} from "@catalyze/proto/domains";
import {median} from "../bar.ts";
import type {World} from "./world.ts";

export const ROUNDS = 7;

/** Of one round: things a second on either side. */
export type Round = {readonly reference: number; readonly measured: number};

export type Compared = {readonly reference: number; readonly measured: number; readonly ratio: number};

/** Medians; the ratio is that of the rounds, not of the medians. */
export async function alternate(round: () => Promise<Round>, rounds = ROUNDS): Promise<Compared> {
  const all: Round[] = [];
  for (let at = 0; at < rounds; at++) all.push(await round());
  return {
    reference: median(all.map(({reference}) => reference)),
    measured: median(all.map(({measured}) => measured)),
    ratio: median(all.map(({reference, measured}) => measured / reference)),
  };
}

/** How many of `count` things a second. */
export async function rate(count: number, work: () => Promise<void> | void): Promise<number> {
  const startMs = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - startMs);
}

/** Raw: this thread does nothing but check the same signatures. */
export async function rawRate(world: World, ops: readonly Op[]): Promise<number> {
  return await rate(ops.length, () => verifyAll(world, ops));
}

function verifyAll({verifier, hash}: World, ops: readonly Op[]): void {
  for (const {bodyBytes, signatures} of ops) {
    const {publicKey, signature} = signatures[0]!;
    if (!verifier.verify(signature, signedBytes(DOMAIN.op, hash, bodyBytes), publicKey).valid)
      throw new Error("the benchmark made an invalid signature");
  }
}
