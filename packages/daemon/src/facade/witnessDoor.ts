/** This node's part among the witnesses: where it stands and why, asking for a seat, giving it back. */
import type {OpView} from "@catalyze/api/schema/money";
import type {WitnessStatusView} from "@catalyze/api/schema/witness";
import {CodedError} from "@catalyze/core/errors/codedError";
import {lateWindowH, paramsAt} from "@catalyze/core/ledger/governance";
import {committeeNow, type Register} from "@catalyze/core/ledger/register";
import {leave, nextRegister} from "@catalyze/core/ledger/seating";
import {applyForSeat} from "@catalyze/core/ledger/seatRequest";
import type {Signer} from "@catalyze/core/ports/signer";
import {fromHex} from "@catalyze/core/primitives/bytes";
import type {WitnessFacade} from "../http/nodeFacade.ts";
import type {LedgerNode} from "../ledger/ledgerNode.ts";
import type {LedgerStatus} from "../ledger/ledgerStatus.ts";
import {opView, witnessViews} from "./ledgerViews.ts";
import type {MoneyComponents} from "./moneyDoors.ts";
import {standingNote} from "./standingNote.ts";

export type WitnessDoorOptions = {
  readonly voteSigner: Signer;
  /** 40 lower-case hex digits, no prefix. */
  readonly evmAddress: string;
};

export class WitnessDoor implements WitnessFacade {
  readonly #components: Pick<MoneyComponents, "ledger" | "identity" | "net">;
  readonly #options: WitnessDoorOptions;

  constructor(components: Pick<MoneyComponents, "ledger" | "identity" | "net">, options: WitnessDoorOptions) {
    this.#components = components;
    this.#options = options;
  }

  async status(): Promise<WitnessStatusView> {
    const {ledger} = this.#components;
    const params = ledger.params();
    const status = ledger.status();
    const register = ledger.register();
    const committee = committeeNow(register);
    const standing = this.#standing(register);
    const {height, timeMs} = ledger.checkpoint();
    const heightsLeft = params.checkpointsPerEpoch - Number(height % BigInt(params.checkpointsPerEpoch));
    const seat = ledger.seat;
    const weight = seat === undefined ? 0 : committee.weightOf(seat);
    const view = {
      standing,
      ...(seat === undefined ? {} : {seat}),
      isMember: status.isWitness,
      isVoting: isVoting(status),
      weight: weight.toString(),
      weightTotal: committee.totalWeight.toString(),
      quorum: committee.quorum.toString(),
      weightNext: this.#weightNext(register).toString(),
      epoch: status.epoch,
      nextEpochAtMs: timeMs + heightsLeft * params.checkpointIntervalMs,
      stakeUctz: this.#stake().toString(),
      stakeMinUctz: params.witnessStakeMin.toString(),
      places: params.witnessesMax,
      candidates: register.candidates.length,
      witnesses: witnessViews(this.#components),
    };
    return {
      ...view,
      note: standingNote(view, status),
    };
  }

  /** `stake` more first, if any: µCTZ. */
  async join(stake: bigint): Promise<OpView> {
    const {ledger, identity} = this.#components;
    const {voteSigner, evmAddress} = this.#options;
    const register = ledger.register();
    const standing = this.#standing(register);
    if (standing === "convicted")
      throw new CodedError("WITNESS_BARRED", {evidence: {seat: ledger.seat ?? -1}});
    if (this.#isServingHere(register)) {
      throw new CodedError("REQUEST_INVALID", {
        message:
          "This node has its seat already. More stake makes it heavier: `ctz wallet stake <amount> --kind witness`.",
        evidence: {standing, seat: ledger.seat ?? -1},
      });
    }
    const application = {account: identity.account, evmAddress, peerId: identity.peer};
    const needed = ledger.params().witnessStakeMin;
    const isGranted = register.seats.some(
      ({account, granted}) => account === identity.account && granted > 0,
    );
    if (!isGranted && this.#stake() + stake < needed) {
      throw new CodedError("STAKE_TOO_SMALL", {
        evidence: {stakedUctz: this.#stake(), addedUctz: stake, neededUctz: needed},
      });
    }
    if (stake > 0n) await ledger.submit(identity.account, {kind: "stake", stake: "witness", amount: stake});
    const wish = applyForSeat(application, voteSigner, fromHex(ledger.genesisHash));
    return await this.#govern({kind: "govern", wish});
  }

  async leave(): Promise<OpView> {
    const {ledger, identity} = this.#components;
    const register = ledger.register();
    const standing = this.#standing(register);
    if (standing !== "serving" && standing !== "candidate") {
      throw new CodedError("REQUEST_INVALID", {
        message: "This node is no witness, and asks for no seat: there is nothing to leave.",
        evidence: {standing},
      });
    }
    if (standing === "serving" && this.#weightNext(leave(register, identity.account)) > 0) {
      throw new CodedError("REQUEST_INVALID", {
        message:
          "Nobody else would witness: without this node nothing is certified any more. Let another one join first.",
        evidence: {standing, witnesses: ledger.head().witnesses},
      });
    }
    return await this.#govern({kind: "govern", wish: {kind: "leave"}});
  }

  async #govern(payload: Parameters<LedgerNode["submit"]>[1]): Promise<OpView> {
    const {ledger, identity} = this.#components;
    return opView(await ledger.submit(identity.account, payload), ledger);
  }

  #standing({seats, candidates}: Register): WitnessStatusView["standing"] {
    const {account} = this.#components.identity;
    const seat = seats.find((each) => each.account === account);
    if (seat !== undefined) return seat.standing;
    return candidates.some((each) => each.account === account) ? "candidate" : "none";
  }

  /** With this peer id: a home that moved asks again to say where it is. */
  #isServingHere({seats}: Register): boolean {
    const {account, peer} = this.#components.identity;
    return seats.some(
      (seat) => seat.account === account && seat.standing === "serving" && seat.peerId === peer,
    );
  }

  #stake(): bigint {
    const {ledger, identity} = this.#components;
    return ledger.checkpointedState().account(identity.account)?.staked.witness ?? 0n;
  }

  /** What the end of the epoch would make of the register as it is. */
  #weightNext(register: Register): number {
    const {ledger, identity} = this.#components;
    const {height, heads, epoch} = ledger.checkpoint();
    const state = ledger.checkpointedState();
    const stakeOf = (id: typeof identity.account) => state.account(id)?.staked.witness ?? 0n;
    const params = paramsAt(state.governance, epoch);
    const late = lateWindowH(state.governance);
    const next = nextRegister(register, {epoch, height, heads, stakeOf, params, lateWindowH: late});
    const seat = next.seats.findIndex(({account}) => account === identity.account);
    return committeeNow(next).weightOf(seat);
  }
}

function isVoting(status: LedgerStatus): boolean {
  const isWaiting = status.isRecovering || status.isAsking || status.isCatchingUp;
  return status.isWitness && !status.isStopped && !isWaiting;
}
