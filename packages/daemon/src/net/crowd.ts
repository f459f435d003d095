/** Who may have one more connection: nobody takes them all, neither one peer nor one machine. */
import type {PeerId} from "@catalyze/core/primitives/id";

/** Memory: buffers of a connection take up to some megabytes. */
export const CONNECTIONS_MAX = 200;
/** Both sides may dial at once and from two addresses; the rest is waste. */
export const CONNECTIONS_PER_PEER_MAX = 4;
/** Many nodes on one machine are ordinary here; others must still find room. */
export const CONNECTIONS_PER_HOST_MAX = 100;

export type Seat = {readonly peer: PeerId; readonly address: string};

/** Whether `next` would take more than its share beside those that are seated. */
export function isCrowded(seated: readonly Seat[], next: Seat): boolean {
  const host = hostOf(next.address);
  const ofPeer = seated.filter(({peer}) => peer === next.peer);
  if (ofPeer.length >= CONNECTIONS_PER_PEER_MAX) return true;
  const ofHost = seated.filter(({address}) => hostOf(address) === host);
  return host !== undefined && ofHost.length >= CONNECTIONS_PER_HOST_MAX;
}

/** The IP address of a multiaddr. */
function hostOf(address: string): string | undefined {
  return /^\/ip[46]\/([^/]+)/.exec(address)?.[1];
}
