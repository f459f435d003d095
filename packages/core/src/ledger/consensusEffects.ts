import {encodeConsensus} from "./consensusCodec.ts";
import type {Effect} from "./effects.ts";
import {encodeSigningRecord} from "./signingRecord.ts";
import type {SimplexOutput} from "./simplexTypes.ts";

/** A record of each thing that was signed in a step, and one message for all of them. */
export function consensusEffects({
  signed,
  recorded,
  repeated,
}: Pick<SimplexOutput, "signed" | "recorded" | "repeated">): Effect[] {
  const effects: Effect[] = recorded.map((message) => ({
    kind: "sign",
    record: encodeSigningRecord({kind: "consensus", message}),
  }));
  if (signed.length > 0) {
    const message = {
      proposals: signed.flatMap(({proposals}) => proposals),
      votes: signed.flatMap(({votes}) => votes),
    };
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  for (const message of repeated) {
    effects.push({kind: "broadcast", what: "consensus", bytes: encodeConsensus(message)});
  }
  return effects;
}
