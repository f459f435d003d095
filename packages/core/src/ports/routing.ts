import type {Cid, PeerId} from "../primitives/id.ts";

/** Who holds which content, as far as the network tells. Slow and best effort: never on the path of a request. */
export interface ContentRouting {
  /** Says that this node holds the blob. Never throws; gives up after a bounded time. */
  provide(cid: Cid): Promise<void>;
  /** At most `limit` peers, without this node; empty when nobody answers in time. */
  findProviders(cid: Cid, limit: number, signal?: AbortSignal): Promise<readonly PeerId[]>;
}
