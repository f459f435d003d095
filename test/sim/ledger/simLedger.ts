/** A network of ledger nodes under faults, replayable from one seed. */

import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {Committee} from "@catalyze/core/ledger/committee";
import type {ReplicaInput} from "@catalyze/core/ledger/effects";
import type {EntryRoom} from "@catalyze/core/ledger/entryRoom";
import type {Genesis} from "@catalyze/core/ledger/genesis";
import {genesisHash, networkIdOf} from "@catalyze/core/ledger/genesis";
import {safeFee} from "@catalyze/core/ledger/governance";
import {SALT_BYTES} from "@catalyze/core/ledger/keyedSet";
import type {Op} from "@catalyze/core/ledger/op";
import {isFeeEnough} from "@catalyze/core/ledger/opChecks";
import {heightsOf, type LedgerParams, PARAMS_DEMO} from "@catalyze/core/ledger/params";
import {harvestOf} from "@catalyze/core/ledger/pots";
import {committeeNow, coveredHeads, genesisRegister} from "@catalyze/core/ledger/register";
import type {Replica} from "@catalyze/core/ledger/replica";
import {isResolved} from "@catalyze/core/ledger/resolved";
import {storedAfter} from "@catalyze/core/ledger/storedAfter";
import {forgetWrites} from "@catalyze/core/ledger/storeKeys";
import type {Signer} from "@catalyze/core/ports/signer";
import {fromHex, toHex} from "@catalyze/core/primitives/bytes";
import type {AssetId, CellId, OpId, PeerId} from "@catalyze/core/primitives/id";
import type {UnixMs} from "@catalyze/core/primitives/time";
import {SeededRandom} from "../fakes/seededRandom.ts";
import type {SimCrypto} from "../market/simKeys.ts";
import {Assembly} from "./assembly.ts";
import {BadWitness} from "./badWitness.ts";
import {Checks} from "./checks.ts";
import {Citizen, FEE_MIN} from "./citizens.ts";
import {FREE_TRICKS} from "./freeTricks.ts";
import {Judges} from "./judges.ts";
import {beginningFrom} from "./lateJoin.ts";
import {type Network, Owner} from "./owners.ts";
import {Patron, STANCES} from "./patrons.ts";
import {isHeldElsewhere, SimLedgerNode, type Spoken} from "./simLedgerNode.ts";
import {reconciled} from "./simPending.ts";
import {type PruningWrite, pruning} from "./simPruning.ts";
import {Steward} from "./stewards.ts";
import {describe, describeOp} from "./trace.ts";
import {type Step, TRICKS} from "./tricks.ts";
import {Words} from "./words.ts";

export type SimLedgerSetup = {
  readonly seed: number;
  readonly crypto: SimCrypto;
  readonly witnesses: number;
  readonly followers: number;
  /** Nodes that are no witnesses in the genesis, and come and go as witnesses. */
  readonly stewards?: number;
  /** Accounts with a stake that propose and vote. */
  readonly citizens?: number;
  /** Accounts that open free locks and judge those of each other. */
  readonly patrons?: number;
  /** How long the faults last. */
  readonly stormMs?: number;
  /** How long everything may take to settle then. */
  readonly calmMs?: number;
  /** Followers besides these that begin with a snapshot, lose everything, and begin again. */
  readonly joiners?: number;
  /** Owners reach no witness: followers keep their ops, and compare them with whom they reach. */
  readonly viaFollowers?: boolean;
  /** Every node forgets logs that are older than so many seconds. */
  readonly logsS?: number;
  readonly owners: number;
  /** How many of the owners sign two ops for one slot. */
  readonly equivocators: number;
  /** A second node runs with the key of this witness: it forks its log and votes twice. */
  readonly twin?: number;
  /** Witness that never says a word. */
  readonly silent?: number;
  /** Witness that keeps no rule: see `BadWitness`. */
  readonly bad?: number;
  /** It links to entries of long ago. */
  readonly linksDeep?: boolean;
  /** It writes as much as it can. Logs have little room. */
  readonly floods?: boolean;
  /** How many tricks are played with forbidden ops. */
  readonly tricks?: number;
  /** All but one of the owners begin with next to nothing: payments rest on payments. */
  readonly arePoor?: boolean;
  /** One way between two nodes, or to a node from an owner: each link keeps what it drew. Without it 1 to 40 ms anew. */
  readonly linkMs?: readonly [min: number, max: number];
  /** Instead of four. */
  readonly checkpointsPerEpoch?: number;
  /** Honest clocks differ by up to this much either way. */
  readonly skewMaxMs?: number;
  readonly faults: {
    readonly drop: number;
    readonly duplicate: number;
    readonly crash: number;
    /** Nodes below this index never crash. */
    readonly crashFrom?: number;
    /** Chance that a crash costs the database; the signing table is another file. */
    readonly wipe?: number;
    /** Chance that a crash brings a witness back as it was at its last backup, signing table and all; one at a time. */
    readonly restore?: number;
    /** Chance, each 100 ms, that some node stops hearing some other for a while. */
    readonly oneWay?: number;
  };
  /** Told of everything that happens: virtual milliseconds since the start, the node, what. */
  readonly trace?: (atMs: number, who: string, what: string) => void;
};

type Round = {readonly progress: bigint; readonly entries: number; readonly isStuck: boolean};
type Event = {readonly atMs: number; readonly order: number; readonly run: () => void | Promise<void>};

/** Of an answer to a sync: two of the largest entries that lives have. */
const PAGE_ROOM = {itemsMax: 256, bytesMax: 300_000};

/** Less than a flooder fills; an honest witness writes 50 entries a height at most. */
export const SMALL_ROOM: EntryRoom = {
  ...{uncoveredMax: 160n, perHeight: 60n, ownUncoveredMax: 80n},
  ...{wasteBytesMax: 4_000, aheadBytesMax: 40_000, ownAheadBytesMax: 30_000},
};

const BALANCE = 100_000n;
const FORK_MS_MAX = 6_000;
const BALANCE_POOR = 300n;
const TRICK_BALANCE = 5_000n;
const STAKE_MIN = 1_000n;
const DEPOSIT = 200n;
/** Without a checkpoint: see `recovery.ts`, less what a step may be late. */
const STILL_INTERVALS = 9;
const START_MS = 1_700_000_000_000;

export class SimLedger {
  readonly checks: Checks;
  readonly nodes: SimLedgerNode[] = [];
  readonly owners: Owner[] = [];
  /** Ops of honest owners, each to be certified in the end. */
  readonly submitted = new Map<OpId, Op>();
  readonly #setup: SimLedgerSetup;
  readonly #random: SeededRandom;
  readonly #genesis: Genesis;
  readonly #events: Event[] = [];
  readonly #tickAt = new Map<SimLedgerNode, number>();
  #twin = -1;
  /** Until then the twin only listens. */
  #forkMs = 0;
  /** Nodes that share a key. */
  readonly #bad = new Set<number>();
  readonly #syncing = new Set<SimLedgerNode>();
  /** Nodes whose last round went to a named one: the next goes to another, as in the shell. */
  readonly #named = new Set<SimLedgerNode>();
  readonly #lastRound = new Map<SimLedgerNode, Round>();
  /** Whom a silent witness asks next. */
  readonly #turn = new Map<SimLedgerNode, number>();
  readonly #network: Network;
  readonly #cheats: Owner[] = [];
  readonly #stewards: Steward[] = [];
  readonly #citizens: Citizen[] = [];
  readonly #patrons: Patron[] = [];
  /** Given up by their owners: see `Owner.dropUnpaid`. */
  readonly dropped = new Set<OpId>();
  readonly assembly: Assembly | undefined;
  /** Ops that a bad witness does not get. */
  readonly #unaided = new Set<OpId>();
  readonly #badWitness: BadWitness | undefined;
  readonly #skewMs: number[] = [];
  /** "from>to" that hear nothing. */
  readonly #cut = new Set<string>();
  #order = 0;
  #isCalm = false;
  nowMs = START_MS;
  steps = 0;
  /** Times that a node began with a snapshot. */
  joins = 0;
  readonly #forgetful = new Set<SimLedgerNode>();
  /** When it last adopted a checkpoint. */
  readonly #movedMs = new Map<SimLedgerNode, number>();
  /** What owners signed while they were offline. */
  readonly #unsent = new Map<Owner, Set<Op>>();
  /** Those of them that began because the logs that they lacked were gone. */
  rejoins = 0;
  /** Entries deleted from any disk. */
  pruned = 0;
  /** Ops that comparisons brought to somebody. */
  carried = 0;
  /** Bytes that nodes sent, by what they are. */
  readonly sentBytes = {op: 0, entry: 0, consensus: 0, checkpoint: 0};
  readonly #linkMs = new Map<string, number>();
  /** How often each kind of fault was injected. */
  readonly faults = {
    ...{dropped: 0, duplicated: 0, delayed: 0, oneWay: 0},
    ...{crashes: 0, wipes: 0, restores: 0, badWords: 0, forbiddenOps: 0, cheatOps: 0},
  };

  constructor(setup: SimLedgerSetup) {
    this.#setup = setup;
    this.#random = new SeededRandom(setup.seed);
    const {crypto, witnesses, followers, owners, tricks = 0, stewards = 0, citizens = 0, patrons = 0} = setup;
    const votes = Array.from({length: witnesses + stewards}, (_, index) => crypto.signer(`vote ${index}`));
    const wallets = [
      ...Array.from({length: owners + 2 * tricks}, (_, index) => crypto.signer(`owner ${index}`)),
      ...Array.from({length: stewards}, (_, index) => crypto.signer(`steward ${index}`)),
      ...Array.from({length: citizens}, (_, index) => crypto.signer(`citizen ${index}`)),
      ...Array.from({length: patrons}, (_, index) => crypto.signer(`patron ${index}`)),
    ];
    const accounts = wallets.map(({publicKey}, index) => ({
      id: accountIdOf(publicKey),
      balance: this.#endowmentOf(index),
    }));
    this.#genesis = {
      v: 1,
      name: "sim",
      accounts,
      witnesses: votes.slice(0, witnesses).map((signer, index) => ({
        peerId: peerIdAt(index),
        voteKey: toHex(signer.publicKey),
        evmAddress: evmAddressAt(index),
        weight: 1,
        account: accounts[index % accounts.length]!.id,
      })),
      params: {
        ...PARAMS_DEMO,
        ...{
          checkpointsPerEpoch: setup.checkpointsPerEpoch ?? 4,
          unbondingS: 5,
          lateCertificateWindowS: 6,
          evidenceWindowS: 10,
        },
        lockExpiryHeights: 3,
        ...(setup.logsS === undefined
          ? {}
          : {evidenceWindowS: setup.logsS, lateCertificateWindowS: setup.logsS}),
        ...(stewards === 0 ? {} : {witnessStakeMin: STAKE_MIN, idleWitnessS: 8}),
        ...(citizens === 0 ? {} : {witnessStakeMin: STAKE_MIN, votingS: 4, proposalDeposit: DEPOSIT}),
      },
      aliases: {},
    };
    const {opFee} = PARAMS_DEMO;
    const skewMaxMs = setup.skewMaxMs ?? 0;
    const stanceOf = (index: number) => STANCES[(index - (wallets.length - patrons)) % STANCES.length]!;
    const isHonestAt = (index: number) =>
      index < owners
        ? index >= setup.equivocators
        : index >= wallets.length - patrons && stanceOf(index) !== "double";
    const honest = new Set(accounts.filter((_, index) => isHonestAt(index)).map(({id}) => id));
    const {params} = this.#genesis;
    const {checkpointsPerEpoch} = params;
    const assembly = citizens === 0 ? undefined : assemblyOf(params);
    this.assembly = assembly;
    const coolingH = (epoch: number) => {
      const pace = assembly?.rulesAt(epoch).checkpointIntervalMs ?? BigInt(params.checkpointIntervalMs);
      return heightsOf(params.unbondingS, {...params, checkpointIntervalMs: Number(pace)});
    };
    const granted = new Map<CellId, bigint>();
    for (const {account, weight} of this.#genesis.witnesses)
      granted.set(account, (granted.get(account) ?? 0n) + BigInt(weight) * params.witnessStakeMin);
    const isCheat = (id: CellId) => !honest.has(id);
    const marginH = BigInt(params.lockExpiryHeights);
    this.checks = new Checks({
      ...{accounts, opFee, checkpointsPerEpoch, skewMaxMs, coolingH, marginH, isCheat},
      ...{assembly, granted, words: new Words(crypto.verifier)},
    });
    const hash = genesisHash(this.#genesis);
    const allow = (lock: CellId, cumulative: bigint) => this.checks.allow(lock, cumulative);
    const judges = new Judges(votes, fromHex(hash));
    const judge: Network["judge"] = (judging) => {
      const replica = this.live()[0]?.replica;
      if (replica === undefined) return undefined;
      return judges.judge(judging, {register: replica.base.register, epoch: replica.epoch});
    };
    this.#network = this.#networkOf({id: networkIdOf(hash), genesisHash: fromHex(hash), opFee, allow, judge});
    for (const [index, signer] of wallets.entries()) {
      const isHonest = index >= setup.equivocators;
      const royalties = this.#random.fork(`royalties ${index}`);
      const balance = this.#endowmentOf(index);
      const owner = new Owner(signer, this.#network, {balance, isHonest, royalties});
      if (index < owners) this.owners.push(owner);
      else if (index < owners + 2 * tricks) this.#cheats.push(owner);
      else if (index < owners + 2 * tricks + stewards)
        this.#stewards.push(this.#stewardOf(owner, witnesses + this.#stewards.length, votes));
      else if (index < wallets.length - patrons) this.#citizens.push(new Citizen(owner));
      else this.#patrons.push(new Patron(owner, stanceOf(index), this.#network));
    }
    const nodes = witnesses + stewards + followers + (setup.joiners ?? 0);
    for (let index = 0; index < nodes; index++) this.#addNode(index, votes[index]);
    if (setup.bad !== undefined) {
      const [signer, random] = [votes[setup.bad]!, this.#random.fork("bad witness")];
      const {bad: index, linksDeep = false, floods = false} = setup;
      const {genesis} = this;
      this.#badWitness = new BadWitness({index, genesis, crypto, signer, random, linksDeep, floods});
      this.#bad.add(setup.bad);
    }
    if (setup.twin === undefined) return;
    this.#twin = this.nodes.length;
    this.#bad.add(setup.twin).add(this.#twin);
    this.#forkMs = START_MS + this.#random.between(0, FORK_MS_MAX);
    this.#addNode(this.#twin, votes[setup.twin]);
  }

  /** Where votes change the fee, owners pay what is enough at the newest node. */
  #networkOf(fixed: Omit<Network, "fromEpoch" | "feeMin">): Network {
    if (this.assembly === undefined) return {...fixed, feeMin: fixed.opFee, fromEpoch: 0};
    const newest = () => this.#newest();
    return {
      ...fixed,
      feeMin: FEE_MIN,
      get opFee() {
        const replica = newest();
        return replica === undefined ? fixed.opFee : safeFee(replica.base.governance, replica.epoch);
      },
      get fromEpoch() {
        return Math.max(0, (newest()?.epoch ?? 1) - 1);
      },
    };
  }

  #newest(): Replica | undefined {
    let best: Replica | undefined;
    for (const {replica} of this.live())
      if (best === undefined || replica!.checkpoint.height > best.checkpoint.height) best = replica;
    return best;
  }

  #stewardOf(owner: Owner, index: number, votes: readonly Signer[]): Steward {
    return new Steward({
      ...{owner, voteSigner: votes[index]!, evmAddress: evmAddressAt(index), peerId: peerIdAt(index)},
      genesisHash: this.#network.genesisHash,
      stakeMin: STAKE_MIN,
    });
  }

  #addNode(index: number, voteSigner: Signer | undefined): void {
    const {skewMaxMs = 0, twin} = this.#setup;
    const {words} = this.checks;
    const isForker = twin !== undefined && (index === twin || index === this.#twin);
    const room = this.#setup.floods === true ? {entryRoom: SMALL_ROOM} : {};
    const genesis = this.#genesis;
    this.nodes.push(new SimLedgerNode({index, genesis, words, voteSigner, isForker, ...room}));
    this.#skewMs.push(skewMaxMs === 0 ? 0 : Math.floor(this.#random.between(-skewMaxMs, skewMaxMs)));
  }

  #endowmentOf(index: number): bigint {
    const {owners, equivocators, arePoor = false, tricks = 0} = this.#setup;
    if (index >= owners + 2 * tricks) return BALANCE;
    if (index >= owners) return TRICK_BALANCE;
    return arePoor && index > equivocators ? BALANCE_POOR : BALANCE;
  }

  /** Runs under faults for a while, then heals and lets everything settle. */
  async run({stormMs, calmMs}: {readonly stormMs: number; readonly calmMs: number}): Promise<void> {
    for (const node of this.#speaking()) {
      if (this.#isJoiner(node)) this.#after(this.#random.between(500, stormMs), () => this.#join(node));
      else await this.#boot(node);
    }
    if (this.#setup.faults.restore !== undefined) this.#backUp();
    for (const owner of this.owners) this.#after(this.#random.between(0, 200), () => this.#act(owner));
    for (const steward of this.#stewards) this.#govern(steward);
    for (const citizen of this.#citizens) this.#assemble(citizen);
    for (const patron of this.#patrons) this.#patronize(patron);
    this.#startTricks(stormMs);
    if (this.#badWitness !== undefined) this.#harm(this.#badWitness);
    if (this.#setup.faults.oneWay !== undefined) this.#cutOff(this.#setup.faults.oneWay);
    await this.#until(this.nowMs + stormMs);
    this.#isCalm = true;
    this.#tell("network", () => "heals");
    for (const node of this.#speaking()) {
      if (node.replica === undefined && !this.#isJoiner(node)) await this.#boot(node);
    }
    await this.#until(this.nowMs + calmMs);
    this.checks.settled();
  }

  /** A while longer, until no honest node is more than so many heights behind another. */
  async goOn({untilSpreadMax, limitMs}: {readonly untilSpreadMax: bigint; readonly limitMs: number}) {
    const endMs = this.nowMs + limitMs;
    while (this.nowMs < endMs) {
      const heights = this.live().map(({replica}) => replica!.checkpoint.height);
      const highest = heights.reduce((high, each) => (each > high ? each : high), 0n);
      if (heights.every((height) => highest - height <= untilSpreadMax)) return;
      await this.#until(this.nowMs + 100);
    }
  }

  /** A while longer, as long as this holds. */
  async goOnWhile(holds: () => boolean, limitMs: number): Promise<void> {
    const endMs = this.nowMs + limitMs;
    while (this.nowMs < endMs && holds()) await this.#until(this.nowMs + 50);
  }

  /** Until every honest witness votes, and then a while longer. */
  async goOnUntilAllVote(limitMs: number): Promise<void> {
    const endMs = this.nowMs + limitMs;
    const isSilent = () => this.live().some(({replica}) => replica!.isMember && replica!.isSilent);
    if (!isSilent()) return;
    while (this.nowMs < endMs && isSilent()) await this.#until(this.nowMs + 500);
    await this.#until(this.nowMs + (this.#setup.calmMs ?? 0));
  }

  /** Honest nodes that run. */
  live(): SimLedgerNode[] {
    return this.nodes.filter(({replica, index}) => replica !== undefined && !this.#bad.has(index));
  }

  /** Number of the first entry of the bad witness that links to entries of long ago. */
  get firstDeepN(): bigint | undefined {
    return this.#badWitness?.firstDeepN;
  }

  /** Entries that the bad witness wrote. */
  get badEntries(): bigint {
    return this.#badWitness?.written ?? 0n;
  }

  get genesis(): Genesis {
    return this.#genesis;
  }

  get committee(): Committee {
    return committeeNow(genesisRegister(this.#genesis));
  }

  #speaking(): SimLedgerNode[] {
    return this.nodes.filter(({index}) => index !== this.#setup.silent && index !== this.#setup.bad);
  }

  #tell(who: string, what: () => string): void {
    this.#setup.trace?.(this.nowMs - START_MS, who, what());
  }

  async #boot(node: SimLedgerNode): Promise<void> {
    await node.start();
    this.#tell(peerOf(node), () => `starts at height ${node.replica?.checkpoint.height}`);
    this.#tickAt.delete(node);
    this.#scheduleTick(node);
    this.#sync(node, undefined);
  }

  #backUp(): void {
    if (this.#isCalm) return;
    const live = this.live();
    if (live.length > 0) this.#random.pick(live).backUp();
    this.#after(this.#random.between(200, 1_500), () => this.#backUp());
  }

  #isJoiner({index}: SimLedgerNode): boolean {
    const {witnesses, stewards = 0, followers, joiners = 0} = this.#setup;
    const first = witnesses + stewards + followers;
    return index >= first && index < first + joiners;
  }

  async #join(node: SimLedgerNode): Promise<void> {
    const from = this.live().find(({snapshot, index}) => snapshot !== undefined && index !== node.index);
    if (from?.snapshot === undefined) return this.#after(500, () => this.#join(node));
    node.wipe();
    this.checks.lostDisk(node.index);
    node.disk.write(await beginningFrom(from.snapshot, this.#worldOf(from)), true);
    this.joins += 1;
    await this.#boot(node);
    if (!this.#isCalm) this.#after(this.#random.between(1_000, 4_000), () => this.#join(node));
  }

  /** What it lacks is gone there: it begins anew when that is far behind. */
  async #rejoin(node: SimLedgerNode, from: SimLedgerNode): Promise<void> {
    const {checkpointsPerEpoch} = this.#genesis.params;
    const height = (node.replica?.checkpoint.height ?? 0n) + BigInt(checkpointsPerEpoch);
    const {snapshot} = from;
    // A forker's signing table is no honest one: it could not start again.
    if (this.#bad.has(node.index)) return;
    if (snapshot === undefined || snapshot.final.checkpoint.height <= height) return;
    const beginning = await beginningFrom(snapshot, this.#worldOf(from));
    const writes = [...(await forgetWrites(node.store)), ...beginning];
    node.crash();
    // One from before is of no use to anybody.
    node.snapshot = undefined;
    this.checks.lostDisk(node.index);
    node.disk.write(writes, true);
    this.joins += 1;
    this.rejoins += 1;
    await this.#boot(node);
  }

  #worldOf({store}: SimLedgerNode) {
    return {store, genesis: this.#genesis, verifier: this.#setup.crypto.verifier};
  }

  #after(delayMs: number, run: Event["run"]): void {
    const event = {atMs: this.nowMs + delayMs, order: this.#order++, run};
    let at = this.#events.length;
    while (at > 0 && isLater(this.#events[at - 1]!, event)) at--;
    this.#events.splice(at, 0, event);
  }

  async #until(endMs: number): Promise<void> {
    for (let event = this.#events[0]; event !== undefined && event.atMs <= endMs; event = this.#events[0]) {
      this.#events.shift();
      this.nowMs = Math.max(this.nowMs, event.atMs);
      await event.run();
    }
    this.nowMs = endMs;
  }

  #step(node: SimLedgerNode, input: ReplicaInput): void {
    if (node.replica === undefined || this.#isTwinsNext(node, input)) return;
    this.steps += 1;
    this.#noteDelivered(node, input);
    const nowMs = Math.floor(this.nowMs);
    const before = node.snapshot;
    const wasRecovering = node.replica.isRecovering;
    const {spoken, records} = node.step(input, nowMs + this.#skewMs[node.index]!);
    if (this.#setup.logsS !== undefined && node.snapshot !== undefined && node.snapshot !== before)
      this.#forget(node, pruning(node.store, node.snapshot, this.#genesis));
    for (const effect of spoken) this.#tell(peerOf(node), () => describe(effect));
    if (wasRecovering && this.#badWitness !== undefined) this.#noteGoingOn(node);
    if (!this.#bad.has(node.index)) {
      this.checks.afterStep(node, spoken, {records, nowMs});
      this.#checkTrust(node);
    }
    for (const effect of spoken) this.#perform(node, effect);
    this.#scheduleTick(node);
    const {crash, crashFrom = 0} = this.#setup.faults;
    const isSafe = this.#isCalm || node.index < crashFrom;
    if (!isSafe && this.#random.chance(crash) && !this.#bad.has(node.index)) this.#crash(node);
  }

  /** Where a member keeps no rule and nothing goes on, one that has forgotten goes on without its word. */
  #noteGoingOn(node: SimLedgerNode): void {
    const {index, seat, replica} = node;
    if (replica === undefined || replica.isRecovering) return;
    const stillMs = this.nowMs - (this.#movedMs.get(node) ?? START_MS);
    if (stillMs < STILL_INTERVALS * this.#genesis.params.checkpointIntervalMs) return;
    // Its own head may be of an entry that it has just signed anew.
    const heads = this.live().flatMap((other) => (other === node ? [] : (other.replica?.heads() ?? [])));
    const held = heads.flatMap(({witness, n}) => (witness === seat ? [n] : []));
    this.checks.goesOn(
      index,
      held.reduce((high, n) => (n > high ? n : high), 0n),
    );
  }

  /** No bad member may make others take an honest one for a forker: then its votes count no further. */
  #checkTrust({index, replica}: SimLedgerNode): void {
    for (const {index: other, seat} of this.nodes)
      if (seat !== undefined && !this.#isGuilty(other) && replica?.isForked(seat) === true)
        throw new Error(`node ${index} takes node ${other}, which forked nothing, for a forker`);
  }

  #isGuilty(index: number): boolean {
    return this.#bad.has(index) || this.checks.mayBeForked(index);
  }

  /** Only where signatures can be forgotten: then what reached anybody is what counts. */
  #noteDelivered(to: SimLedgerNode, input: ReplicaInput): void {
    const isWord = input.kind === "entry" || input.kind === "consensus";
    if (this.#setup.faults.restore === undefined || !isWord) return;
    // It says what it likes in others' names.
    if (input.from === peerOf(this.nodes[this.#setup.bad ?? -1])) return;
    for (const author of this.nodes) {
      if (author === to || this.#bad.has(author.index) || author.seat === undefined) continue;
      this.checks.delivered(author, input.kind, input.bytes);
    }
  }

  /** One write after the other, while this run of the node lasts. */
  #forget(node: SimLedgerNode, writes: AsyncGenerator<PruningWrite>): void {
    const {replica} = node;
    this.#after(this.#random.between(1, 40), async () => {
      if (node.replica !== replica || replica === undefined) return;
      const {done, value} = await writes.next();
      if (done === true) return;
      node.disk.write(value.writes, true);
      this.pruned += value.entries;
      this.#forget(node, writes);
    });
  }

  /** A forker goes on with its own branch, and takes in its twin's only beside it. */
  #isTwinsNext({index, replica}: SimLedgerNode, input: ReplicaInput): boolean {
    if (input.kind !== "entry" || !this.#bad.has(index)) return false;
    if (this.nowMs < this.#forkMs) return false;
    const {header} = this.checks.words.entry(input.bytes);
    const head = replica?.heads().find(({witness}) => witness === header.witness);
    return header.witness === this.#setup.twin && header.n > (head?.n ?? 0n);
  }

  /** A forker lacks its twin's branch for good: it asks by its timer only, and not again after each answer. */
  #isGoingAlone({index}: SimLedgerNode): boolean {
    return this.#bad.has(index) && this.nowMs >= this.#forkMs;
  }

  /** Between two effects of its next step, or right now. */
  #crash(node: SimLedgerNode): void {
    this.#tell(peerOf(node), () => "crashes");
    this.faults.crashes += 1;
    const {wipe = 0, restore = 0} = this.#setup.faults;
    const isWiped = wipe > 0 && this.#random.chance(wipe) && isHeldElsewhere(node, this.nodes);
    if (restore > 0 && this.#isForgetting(node)) this.#setBack(node);
    else if (isWiped) this.#wipe(node);
    else if (this.#random.chance(0.5)) node.dyingAfter = this.#random.int(3);
    else node.crash();
    this.#after(this.#random.between(100, 3_000), async () => {
      if (node.replica === undefined && !(isWiped && this.#isJoiner(node))) await this.#boot(node);
      else if (node.replica === undefined) await this.#join(node);
    });
  }

  #wipe(node: SimLedgerNode): void {
    this.faults.wipes += 1;
    node.wipe();
    this.checks.lostDisk(node.index);
  }

  /** No other witness still has to find out what it signed. */
  #isForgetting(node: SimLedgerNode): boolean {
    const isAnother = this.nodes.some(
      (each) => each !== node && this.#forgetful.has(each) && (each.replica?.isSilent ?? true),
    );
    return !isAnother && this.#mayWitness(node) && this.#random.chance(this.#setup.faults.restore ?? 0);
  }

  #setBack(node: SimLedgerNode): void {
    this.#tell(peerOf(node), () => "is restored from a backup");
    this.#forgetful.add(node);
    this.faults.restores += 1;
    node.restore();
    this.checks.forgot(node.index);
  }

  #scheduleTick(node: SimLedgerNode): void {
    const skewMs = this.#skewMs[node.index]!;
    const wanted = node.replica?.wantsTick((Math.floor(this.nowMs) + skewMs) as UnixMs);
    if (wanted === undefined) return;
    // A forker always has something to say.
    const at = Math.max(wanted - skewMs, this.nowMs + (this.#bad.has(node.index) ? 150 : 1));
    const planned = this.#tickAt.get(node);
    if (planned !== undefined && planned > this.nowMs && planned <= at) return;
    this.#tickAt.set(node, at);
    this.#after(at - this.nowMs, () => {
      if (this.#tickAt.get(node) !== at) return;
      this.#tickAt.delete(node);
      const isWaitingTwin = node.index === this.#twin && this.nowMs < this.#forkMs;
      if (isWaitingTwin) this.#scheduleTick(node);
      else this.#step(node, {kind: "tick"});
    });
  }

  #perform(node: SimLedgerNode, effect: Spoken): void {
    if (effect.kind === "checkpointed") this.#movedMs.set(node, this.nowMs);
    if (effect.kind === "checkpointed" && node.replica !== undefined)
      this.#badWitness?.final(node.replica.finalCheckpoint);
    if (effect.kind === "broadcast") {
      if (effect.what !== "checkpoint") this.#badWitness?.hear(effect.what, effect.bytes, this.checks.words);
      for (const other of this.nodes) {
        if (other === node || (effect.what === "consensus" && !this.#mayWitness(other))) continue;
        this.#send(node, other, {kind: effect.what, bytes: effect.bytes, from: peerOf(node)});
      }
    }
    if (effect.kind === "fetch" && !this.#isGoingAlone(node)) this.#sync(node, effect.from);
    if (effect.kind === "evidence") this.#report(effect.proof);
  }

  /** Now or in another epoch. */
  #mayWitness({index}: SimLedgerNode): boolean {
    const {witnesses, stewards = 0} = this.#setup;
    return index < witnesses + stewards || this.#bad.has(index);
  }

  #send(from: SimLedgerNode, to: SimLedgerNode, input: ReplicaInput): void {
    const {drop, duplicate} = this.#setup.faults;
    if (!this.#isCalm && (this.#random.chance(drop) || this.#cut.has(`${from.index}>${to.index}`))) {
      this.faults.dropped += 1;
      return;
    }
    const copies = !this.#isCalm && this.#random.chance(duplicate) ? 2 : 1;
    this.faults.duplicated += copies - 1;
    if ("bytes" in input) this.sentBytes[input.kind] += input.bytes.length;
    for (let copy = 0; copy < copies; copy++)
      this.#after(this.#linkDelayMs(from, to), () => this.#step(to, input));
  }

  #linkDelayMs(from: SimLedgerNode, to: SimLedgerNode): number {
    const {linkMs, seed} = this.#setup;
    if (linkMs === undefined) return this.#delayMs();
    const name = `${Math.min(from.index, to.index)}-${Math.max(from.index, to.index)}`;
    const known = this.#linkMs.get(name) ?? new SeededRandom(`${seed} link ${name}`).between(...linkMs);
    this.#linkMs.set(name, known);
    return known;
  }

  #delayMs(): number {
    const isSlow = !this.#isCalm && this.#random.chance(0.05);
    if (isSlow) this.faults.delayed += 1;
    return isSlow ? this.#random.between(200, 2_000) : this.#random.between(1, 40);
  }

  /** One round of anti-entropy with the peer named, or anyone. */
  #sync(node: SimLedgerNode, from: PeerId | undefined): void {
    // One round at a time, as the shell does it.
    if (this.#syncing.has(node)) return;
    this.#syncing.add(node);
    const named = this.#named.has(node) ? undefined : this.nodes.find((other) => peerOf(other) === from);
    if (named === undefined) this.#named.delete(node);
    else this.#named.add(node);
    const isThere = (each: SimLedgerNode) => each.replica !== undefined || !this.#isJoiner(each);
    const others = this.nodes.filter((each) => each !== node && isThere(each));
    const other =
      named ?? (node.replica?.isSilent === true ? this.#nextAsked(node) : this.#random.pick(others));
    this.#after(50 + this.#delayMs(), async () => {
      this.#syncing.delete(node);
      const [asking, answering] = [node.replica, other.replica];
      if (asking === undefined || answering === undefined) return;
      const {height} = asking.checkpoint;
      const covered = coveredHeads(asking.checkpoint, asking.base.register);
      const progress = asking.heads().reduce((sum, {n}) => sum + n, height);
      const last = this.#lastRound.get(node);
      // As the shell does it: what came did not fit, so the log of a forker differs from its root on.
      const isStuck = last !== undefined && !last.isStuck && last.progress === progress && last.entries > 0;
      const heads = isStuck ? covered : asking.wantedHeads();
      const room = {...PAGE_ROOM, turn: this.steps};
      const seats = answering.base.register.seats.length;
      const stored = answering.holdsAfter(heads, height)
        ? {checkpoints: answering.checkpointsAfter(height, 64), ...answering.entriesAfter(heads, room)}
        : await storedAfter(other.store, {heads, height}, {...room, seats, checkpointsMax: 256});
      if (stored === undefined) return await this.#rejoin(node, other);
      this.#lastRound.set(node, {progress, entries: stored.entries.length, isStuck});
      for (const bytes of stored.checkpoints)
        this.#send(other, node, {kind: "checkpoint", bytes, from: peerOf(other)});
      for (const {bytes} of stored.entries)
        this.#send(other, node, {kind: "entry", bytes, from: peerOf(other)});
      this.#testify(other, node);
      this.#reconcile(node, other);
    });
  }

  /** A witness that may not sign yet asks the others one after the other. */
  #nextAsked(node: SimLedgerNode): SimLedgerNode {
    const members = this.nodes.filter((each) => each !== node && this.#mayWitness(each));
    const turn = this.#turn.get(node) ?? 0;
    this.#turn.set(node, turn + 1);
    return members[turn % members.length] ?? this.#random.pick(this.nodes);
  }

  /** A witness that asks what others have of its log hears it; one that keeps no rule lies. */
  #testify(other: SimLedgerNode, node: SimLedgerNode): void {
    const [seat, words] = [node.replica?.seat, other.replica];
    if (seat === undefined || words === undefined || node.replica?.isSilent !== true) return;
    const seats = other.seat === undefined ? [] : [other.seat];
    this.#send(other, node, {kind: "heard", seats, ...words.testimonyFor(seat), from: peerOf(other)});
    const lie = this.#badWitness?.testimonyFor(seat);
    if (lie !== undefined) this.#send(other, node, {kind: "heard", ...lie, from: peerOf(other)});
  }

  /** What both keep that no entry carries, as the shell compares it. */
  #reconcile(node: SimLedgerNode, other: SimLedgerNode): void {
    if (this.#setup.viaFollowers !== true || node.replica === undefined || other.replica === undefined)
      return;
    const salt = this.#random.bytes(SALT_BYTES);
    const {given, taken} = reconciled(node.replica, other.replica, salt);
    this.carried += given.length + taken.length;
    for (const {bytes} of given) this.#send(node, other, {kind: "op", bytes, from: peerOf(node)});
    for (const {bytes} of taken) this.#send(other, node, {kind: "op", bytes, from: peerOf(other)});
  }

  /** What no longer pays enough is signed anew, or never. */
  #dropUnpaid(owner: Owner): void {
    const replica = this.assembly === undefined ? undefined : this.#newest();
    if (replica === undefined) return;
    const {base: state, epoch} = replica;
    for (const id of owner.dropUnpaid(state, ({body}) => isFeeEnough(body, {state, epoch}))) {
      this.dropped.add(id);
      this.submitted.delete(id);
    }
  }

  #assemble(citizen: Citizen): void {
    const replica = this.#newest();
    this.#dropUnpaid(citizen.owner);
    if (this.#isCalm) {
      this.#after(500, () => this.#assemble(citizen));
      return;
    }
    const others = this.owners.map(({account}) => account);
    const ops = replica === undefined ? [] : citizen.act(this.#random, {base: replica.base, others});
    for (const op of ops) {
      this.submitted.set(op.id, op);
      this.checks.know(op);
      this.#tell("a citizen", () => `signs ${describeOp(op)}`);
      this.#offer(op, 0);
    }
    this.#after(this.#random.between(300, 1_500), () => this.#assemble(citizen));
  }

  #act(owner: Owner): void {
    this.#dropUnpaid(owner);
    if (this.#isCalm) {
      if (this.assembly !== undefined) this.#after(500, () => this.#act(owner));
      return;
    }
    const live = this.live();
    const view = live.length === 0 ? undefined : this.#random.pick(live).replica?.view;
    const height = live[0]?.replica?.checkpoint.height ?? 0n;
    const others = this.owners.filter((each) => each !== owner);
    if (!owner.isHonest && view !== undefined && this.#random.chance(0.2)) owner.lookAt(view);
    const endOf = (lock: CellId) => view?.lock(lock)?.endH;
    const units = () =>
      [...(view?.holdings() ?? [])].flatMap(({account, asset, ...held}) =>
        account === owner.account ? [{asset, units: held.in - held.out}] : [],
      );
    const assets = () => [...(view?.assets() ?? [])].map(({id}) => id);
    const seeds = () => [...(view?.assets() ?? [])].flatMap(({id, asset}) => (asset === "seed" ? [id] : []));
    const dueOf = (asset: AssetId) =>
      view === undefined ? 0n : harvestOf(view, owner.account, {kind: "harvest", asset});
    const account = view?.account(owner.account);
    const ops = owner.act(this.#random, others, {height, account, endOf, units, assets, seeds, dueOf});
    for (const op of ops) {
      if (owner.isHonest) this.submitted.set(op.id, op);
      else this.faults.cheatOps += 1;
      this.checks.know(op);
      const who = `owner ${this.owners.indexOf(owner)}`;
      this.#tell(who, () => `signs ${describeOp(op)}${owner.isHonest ? "" : " (it equivocates)"}`);
      // Some are offline when they sign: meanwhile a vote may raise the fee.
      const isLate = this.assembly !== undefined && this.#random.chance(0.03);
      if (isLate) this.#offerLate(owner, op);
      else this.#offer(op, 0);
    }
    this.#after(this.#random.between(20, 400), () => this.#act(owner));
  }

  #govern(steward: Steward): void {
    if (this.#isCalm) return;
    const live = this.live();
    const view = live.length === 0 ? undefined : this.#random.pick(live).replica?.view;
    for (const op of view === undefined ? [] : steward.act(this.#random, view)) {
      this.submitted.set(op.id, op);
      this.checks.know(op);
      this.#tell("a steward", () => `signs ${describeOp(op)}`);
      this.#offer(op, 0);
    }
    this.#after(this.#random.between(1_000, 4_000), () => this.#govern(steward));
  }

  #patronize(patron: Patron): void {
    if (this.#isCalm) return;
    const live = this.live();
    const replica = live.length === 0 ? undefined : this.#random.pick(live).replica;
    const [patrons, owners] = [this.#patrons, this.owners];
    const height = replica?.checkpoint.height ?? 0n;
    const ops =
      replica === undefined ? [] : patron.act(this.#random, {height, view: replica.view, patrons, owners});
    for (const op of ops) {
      // Of two claims at one slot perhaps none ever counts.
      if (patron.isHonest || op.body.payload.kind !== "claim") this.submitted.set(op.id, op);
      this.checks.know(op);
      this.#tell("a patron", () => `signs ${describeOp(op)}${patron.isHonest ? "" : " (it judges twice)"}`);
      this.#offer(op, 0);
    }
    this.#after(this.#random.between(100, 700), () => this.#patronize(patron));
  }

  /** Each trick is played once, by accounts of its own, at some moment. */
  #startTricks(stormMs: number): void {
    const {tricks = 0, equivocators} = this.#setup;
    const chosen = this.#random.shuffle(this.#patrons.length > 0 ? FREE_TRICKS : TRICKS).slice(0, tricks);
    for (const [index, trick] of chosen.entries()) {
      this.#after(this.#random.between(0, stormMs * 0.7), () => {
        const height = this.checks.heightMax();
        const [cheat, accomplice] = [this.#cheats[2 * index]!, this.#cheats[2 * index + 1]!];
        const victim = this.#random.pick(this.owners.slice(equivocators));
        const steps = trick({
          network: this.#network,
          random: this.#random,
          cheat,
          accomplice,
          victim,
          height,
        });
        for (const step of steps) this.#play(step);
      });
    }
  }

  #play(step: Step): void {
    const {op, forbidden, fromHeight = 0n, after} = step;
    if (this.checks.heightMax() < fromHeight || (after !== undefined && !this.checks.isCertified(after))) {
      this.#after(200, () => this.#play(step));
      return;
    }
    this.checks.know(op, forbidden);
    this.#tell("a cheat", () => `signs ${describeOp(op)}${forbidden === undefined ? "" : `, ${forbidden}`}`);
    if (forbidden !== undefined) this.faults.forbiddenOps += 1;
    if (step.isUnaided === true) this.#unaided.add(op.id);
    else this.#badWitness?.take(op);
    this.#offer(op, forbidden === undefined ? 0 : 40);
  }

  #harm(bad: BadWitness): void {
    for (const {kind, bytes, to} of bad.act(this.nowMs)) {
      if (kind === "entry") this.checks.saw(bytes);
      this.faults.badWords += 1;
      const from = this.nodes[this.#setup.bad!]!;
      for (const node of this.nodes)
        if (to(node.index)) this.#send(from, node, {kind, bytes, from: peerOf(from)});
    }
    this.#after(this.#random.between(50, 300), () => this.#harm(bad));
  }

  /** Somebody stops hearing somebody, who may hear it well. */
  #cutOff(chance: number): void {
    const [from, to] = [this.#random.int(this.nodes.length), this.#random.int(this.nodes.length)];
    if (this.#random.chance(chance)) {
      const pair = `${from}>${to}`;
      this.#cut.add(pair);
      this.faults.oneWay += 1;
      this.#after(this.#random.between(200, 3_000), () => void this.#cut.delete(pair));
    }
    this.#after(100, () => this.#cutOff(chance));
  }

  #offerLate(owner: Owner, op: Op): void {
    const unsent = this.#unsent.get(owner) ?? new Set();
    this.#unsent.set(owner, unsent.add(op));
    this.#after(this.#random.between(3_000, 8_000), () => {
      if (unsent.delete(op)) this.#offer(op, 0);
    });
  }

  /** Somebody honest puts it on the ledger, as every daemon does; with what it had not sent yet, since it is online. */
  #report(proof: Uint8Array): void {
    const reporter = this.owners.find(({isHonest}) => isHonest);
    const unsent = reporter && this.#unsent.get(reporter);
    for (const op of unsent ?? []) this.#offer(op, 0);
    unsent?.clear();
    const op = reporter?.write({kind: "evidence", proof});
    if (op === undefined) return;
    this.checks.know(op);
    this.#offer(op, 0);
  }

  /** The same bytes to one witness, and to others later, until it is certified or hopeless. */
  #offer(op: Op, tries: number): void {
    const isDone = this.nodes.some(({replica}) => replica !== undefined && isResolved(replica.view, op));
    if (isDone || this.dropped.has(op.id) || tries > (this.#setup.faults.restore === undefined ? 60 : 400))
      return;
    const isFar = this.#setup.viaFollowers === true;
    const all = this.nodes.filter((node) => this.#mayWitness(node) !== isFar);
    const members = all.filter(({replica}) => replica === undefined || replica.isMember);
    const to = this.#chosen(op, tries, members.length > 0 ? members : all);
    if (to.index === this.#setup.bad) {
      // It may carry it, or not.
      if (this.#random.chance(0.5) && !this.#unaided.has(op.id)) this.#badWitness?.take(op);
    } else this.#send(to, to, {kind: "op", bytes: op.bytes, from: "owner" as PeerId});
    this.#after(500, () => this.#offer(op, tries + 1));
  }

  /** Anyone, to be a nuisance; where wires are measured, a cell's ops go to one witness, as clients do it. */
  #chosen({body: {cell}}: Op, tries: number, from: readonly SimLedgerNode[]): SimLedgerNode {
    if (this.#setup.linkMs === undefined || tries > 0) return this.#random.pick(from);
    return from[Number.parseInt(cell.slice(0, 8), 16) % from.length]!;
  }

  /** One that may not sign yet does not wait for the timer, as in the shell. */
  #ask(node: SimLedgerNode): void {
    if (node.replica?.isSilent === true) this.#sync(node, undefined);
    this.#after(250, () => this.#ask(node));
  }

  /** Anti-entropy by timer, as the shell does it. */
  startTimers(): void {
    for (const node of this.nodes) {
      const round = () => {
        this.#sync(node, undefined);
        this.#after(2_000, round);
      };
      this.#after(this.#random.between(0, 2_000), round);
      this.#ask(node);
    }
  }
}

function assemblyOf(params: LedgerParams): Assembly {
  const {entryIntervalMs, checkpointIntervalMs, opFee, lockExpiryHeights} = params;
  return new Assembly({
    genesis: {
      ...{entryIntervalMs: BigInt(entryIntervalMs), checkpointIntervalMs: BigInt(checkpointIntervalMs)},
      ...{opFee, lockExpiryHeights: BigInt(lockExpiryHeights)},
    },
    votingMs: BigInt(params.votingS) * 1_000n,
    checkpointsPerEpoch: BigInt(params.checkpointsPerEpoch),
    deposit: params.proposalDeposit,
  });
}

/** Of a witness, as the register has it. */
function peerIdAt(index: number): PeerId {
  return `12D3KooWSimSimSimSimSim${index + 1}` as PeerId;
}

function evmAddressAt(index: number): string {
  return (index + 1).toString(16).padStart(40, "0");
}

function peerOf(node: SimLedgerNode | undefined): PeerId {
  return `node ${node?.index ?? "?"}` as PeerId;
}

function isLater(left: Event, right: Event): boolean {
  return left.atMs > right.atMs || (left.atMs === right.atMs && left.order > right.order);
}
