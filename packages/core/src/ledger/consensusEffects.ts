import {type ConsensusMessage, encodeConsensus} from "./consensusCodec.ts";
import type {Effect} from "./effects.ts";
import {encodeSigningRecord} from "./signingRecord.ts";

/** One record and one message for all that was signed in a step. */
export function consensusEffects(
  signed: readonly ConsensusMessage[],
  repeated: readonly ConsensusMessage[],
): Effect[] {
  const effects: Effect[] = [];
  if (signed.length > 0) {
    const message = {
      proposals: signed.flatMap(({proposals}) => proposals),
      votes: signed.flatMap(({votes}) => votes),
    };
    effects.push({kind: "sign", record: encodeSigningRecord({kind: "consensus", message})});
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  for (const message of repeated) {
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  return effects;
}
