/** Who witnesses now, as peers: read from the ledger whenever it is asked, because committees change. */
import type {Committee} from "@catalyze/core/ledger/committee";
import {committeeNow, type Register} from "@catalyze/core/ledger/register";
import type {PeerId} from "@catalyze/core/primitives/id";

export type WitnessPeer = {readonly peer: PeerId; readonly weight: number};

type Listed = {
  readonly register: Register;
  readonly members: readonly WitnessPeer[];
  readonly peers: ReadonlySet<PeerId>;
  readonly seated: ReadonlySet<PeerId>;
};

export class WitnessPeers {
  readonly #register: () => Register;
  readonly #self: PeerId;
  #listed: Listed | undefined;

  constructor(register: () => Register, self: PeerId) {
    this.#register = register;
    this.#self = self;
  }

  /** A member of the present committee. */
  isMember(peer: PeerId): boolean {
    return this.#list().peers.has(peer);
  }

  /** Has, or had, a vote: what it signed in its time still counts. */
  isSeated(peer: PeerId): boolean {
    return this.#list().seated.has(peer);
  }

  /** Members of the present committee without this node. */
  others(): readonly WitnessPeer[] {
    return this.#list().members.filter(({peer}) => peer !== this.#self);
  }

  get committee(): Committee {
    return committeeNow(this.#register());
  }

  #list(): Listed {
    const register = this.#register();
    if (this.#listed?.register === register) return this.#listed;
    const members = committeeNow(register).members.flatMap(({seat, weight}): WitnessPeer[] => {
      const peer = register.seats[seat]?.peerId;
      return peer === undefined ? [] : [{peer, weight}];
    });
    const seated = new Set(register.seats.map(({peerId}) => peerId));
    this.#listed = {register, members, seated, peers: new Set(members.map(({peer}) => peer))};
    return this.#listed;
  }
}
