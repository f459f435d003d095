/** Which byte limit holds on which stream protocol and gossip topic. */
import {LIMITS} from "./limits.ts";
import type {ProtocolName, TopicName} from "./topics.ts";

/** Largest frame of each stream protocol, either way. */
export const FRAME_BYTES_MAX: Readonly<Record<ProtocolName, number>> = {
  task: LIMITS.taskFrameBytesMax,
  market: LIMITS.marketFrameBytesMax,
  ledger: LIMITS.ledgerFrameBytesMax,
  blob: LIMITS.blobFrameBytesMax,
};

/** Largest message of each gossip topic. */
export const GOSSIP_BYTES_MAX: Readonly<Record<TopicName, number>> = {
  asks: LIMITS.askBytesMax,
  offers: LIMITS.offerBytesMax,
  awards: LIMITS.awardBytesMax,
  entries: LIMITS.gossipBytesMax,
};
