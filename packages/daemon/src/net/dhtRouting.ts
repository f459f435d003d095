/** Content routing over the DHT. A lookup has a tail of seconds, so each is bounded and failures are silent. */
import type {Clock} from "@catalyze/core/ports/clock";
import type {Log} from "@catalyze/core/ports/log";
import type {ContentRouting} from "@catalyze/core/ports/routing";
import type {Cid, PeerId} from "@catalyze/core/primitives/id";
import {CID} from "multiformats/cid";
import type {Libp2pNode} from "./libp2pNode.ts";
import {withDeadline} from "./withDeadline.ts";

const PROVIDE_MS_MAX = 20_000;
const FIND_MS_MAX = 5_000;

export type DhtRoutingComponents = {
  readonly node: () => Libp2pNode;
  readonly clock: Clock;
  readonly log: Log;
};

export class DhtRouting implements ContentRouting {
  readonly #components: DhtRoutingComponents;

  constructor(components: DhtRoutingComponents) {
    this.#components = components;
  }

  async provide(cid: Cid): Promise<void> {
    const {node, clock, log} = this.#components;
    try {
      await withDeadline({clock, ms: PROVIDE_MS_MAX}, (signal) =>
        node().contentRouting.provide(CID.parse(cid), {signal}),
      );
    } catch (error) {
      log.debug("content was not announced", {cid, error: nameOf(error)});
    }
  }

  async findProviders(cid: Cid, limit: number, signal?: AbortSignal): Promise<readonly PeerId[]> {
    const {node, clock, log} = this.#components;
    const found = new Set<PeerId>();
    try {
      await withDeadline({clock, ms: FIND_MS_MAX, signal}, async (deadline) => {
        for await (const {id} of node().contentRouting.findProviders(CID.parse(cid), {signal: deadline})) {
          const peer = id.toString() as PeerId;
          if (peer !== node().peerId.toString()) found.add(peer);
          if (found.size >= limit) break;
        }
      });
    } catch (error) {
      log.debug("no more providers found", {cid, found: found.size, error: nameOf(error)});
    }
    return [...found];
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
