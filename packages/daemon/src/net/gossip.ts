/**
 * Gossip between neighbours. Messages are signed by their authors inside, so gossipsub's own signatures
 * are off (half the cost), ids are content hashes, and the port's handler is the validator: what it does
 * not accept is neither delivered nor passed on.
 */
import {createHash} from "node:crypto";
import type {Log} from "@catalyze/core/ports/log";
import type {GossipMessage, Verdict} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {GOSSIP_BYTES_MAX} from "@catalyze/proto/frameLimits";
import {LIMITS} from "@catalyze/proto/limits";
import {type TopicName, topicOf} from "@catalyze/proto/topics";
import {type GossipSub, gossipsub, type Message, TopicValidatorResult} from "@chainsafe/libp2p-gossipsub";
import {createPeerScoreParams, createTopicScoreParams} from "@chainsafe/libp2p-gossipsub/score";

export type GossipHandler = (message: GossipMessage) => Verdict | Promise<Verdict>;

export const TOPIC_NAMES: readonly TopicName[] = ["asks", "offers", "awards", "entries"];

const RESULTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/**
 * The library's topic defaults give +1 for every millisecond in the mesh, which swamps any penalty, and
 * punish quiet topics. With these three rejected messages in a row graylist the sender (measured: -117).
 */
const TOPIC_SCORE = createTopicScoreParams({
  topicWeight: 1,
  timeInMeshWeight: 0.01,
  timeInMeshQuantum: 1000,
  timeInMeshCap: 1000,
  firstMessageDeliveriesWeight: 0.5,
  firstMessageDeliveriesDecay: 0.9,
  firstMessageDeliveriesCap: 20,
  meshMessageDeliveriesWeight: 0,
  meshFailurePenaltyWeight: 0,
  invalidMessageDeliveriesWeight: -20,
  invalidMessageDeliveriesDecay: 0.9,
});

/** Many nodes on one machine are ordinary here; elsewhere more than this from one address is suspicious. */
const COLOCATED_PEERS_MAX = 20;
/** Our own points (0 to 100) weigh so that a peer near its ban falls below the publish threshold. */
const POINT_WEIGHT = -0.7;

/**
 * What one message of the protocol may hold; the library allows thousands of each. A node has four
 * topics, a heartbeat tells of the messages of some seconds, and a frame has 256 KiB.
 */
const RPC_LIMITS = {
  maxSubscriptions: 64,
  maxMessages: 1_000,
  maxIhaveMessageIDs: 5_000,
  maxIwantMessageIDs: 5_000,
  maxIdontwantMessageIDs: 512,
  maxControlMessages: 64,
  maxPeerInfos: 16,
};
/** For a neighbour that does not read: then its stream is reset. Some seconds of a busy network. */
const UNSENT_BYTES_MAX = 16 * 1024 * 1024;

/** The pubsub service of a node; `pointsOf` is what this node holds against a peer. */
export function gossipService(networkTag: string, pointsOf: (peer: PeerId) => number) {
  const topics = TOPIC_NAMES.map((name) => topicOf(networkTag, name));
  return gossipsub({
    globalSignaturePolicy: "StrictNoSign",
    msgIdFn: (message: Message) => contentId(message.topic, message.data),
    msgIdToStrFn: (id: Uint8Array) => Buffer.from(id).toString("base64"),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    doPX: false,
    allowedTopics: topics,
    maxInboundDataLength: LIMITS.gossipBytesMax,
    maxOutboundBufferSize: UNSENT_BYTES_MAX,
    decodeRpcLimits: RPC_LIMITS,
    scoreParams: createPeerScoreParams({
      topics: Object.fromEntries(topics.map((topic) => [topic, TOPIC_SCORE])),
      appSpecificScore: (peer: string) => pointsOf(peer as PeerId),
      appSpecificWeight: POINT_WEIGHT,
      IPColocationFactorThreshold: COLOCATED_PEERS_MAX,
      IPColocationFactorWhitelist: new Set(["127.0.0.1", "::1"]),
      retainScore: 10 * 60_000,
    }),
  });
}

/** Connects one topic to its handler. The result disconnects it. */
export function subscribeTopic(
  pubsub: GossipSub,
  {networkTag, name, log}: {readonly networkTag: string; readonly name: TopicName; readonly log: Log},
  handler: GossipHandler,
): () => void {
  const topic = topicOf(networkTag, name);
  pubsub.topicValidators.set(topic, async (peer, {data}) => {
    if (data.length > GOSSIP_BYTES_MAX[name]) return TopicValidatorResult.Reject;
    try {
      return RESULTS[await handler({from: peer.toString() as PeerId, data})];
    } catch (error) {
      log.warn("gossip handler failed", {topic: name, error: String(error)});
      return TopicValidatorResult.Ignore;
    }
  });
  pubsub.subscribe(topic);
  return () => {
    pubsub.unsubscribe(topic);
    pubsub.topicValidators.delete(topic);
  };
}

function contentId(topic: string, data: Uint8Array): Uint8Array {
  return createHash("sha256").update(topic).update("\0").update(data).digest();
}
