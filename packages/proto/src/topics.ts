/** Gossip topics and stream protocols. The network id is part of every name: networks never mix. */
export type TopicName = "asks" | "offers" | "awards" | "entries";
export type ProtocolName = "task" | "market" | "ledger" | "blob";

/** `networkTag` is the network id as eight hex digits. */
export function topicOf(networkTag: string, name: TopicName): string {
  return `/ctz/${networkTag}/${name}/1`;
}

export function protocolOf(networkTag: string, name: ProtocolName): string {
  return `/ctz/${networkTag}/${name}/1`;
}

export function dhtProtocolOf(networkTag: string): string {
  return `/ctz/${networkTag}/kad/1`;
}

/** Any network: how a node that has no genesis yet asks for one. */
export const GENESIS_PROTOCOL = "/ctz/genesis/1";
