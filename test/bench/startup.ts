import type {Bench} from "./bar.ts";
import {oneWitness} from "./ledger/certified.ts";
import {calls} from "./startup/calls.ts";
import {memory} from "./startup/memory.ts";
import {startTime} from "./startup/startTime.ts";
import {throughput} from "./startup/throughput.ts";

export const startup: Bench = {
  what: "start, memory and what the market adds to a call",
  parts: [startTime, calls, throughput, {...oneWitness, name: "certified"}, memory],
};
