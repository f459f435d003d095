/** Which checkpoints a message of the consensus speaks of. */
import type {ConsensusMessage} from "./consensusCodec.ts";

/** Highest height that a message speaks of. */
export function heightOf({proposals, votes}: ConsensusMessage): bigint {
  const heights = [...proposals.map(({checkpoint}) => checkpoint.height), ...votes.map(({height}) => height)];
  return heights.reduce((high, height) => (height > high ? height : high), 0n);
}

/** What of it is about this height. */
export function onlyHeight({proposals, votes}: ConsensusMessage, height: bigint): ConsensusMessage {
  return {
    proposals: proposals.filter(({checkpoint}) => checkpoint.height === height),
    votes: votes.filter((vote) => vote.height === height),
  };
}
