/** The executor process: loads bundles and runs tasks that its parent sends, one at a time. */
import "@catalyze/core/primitives/polyfill";
import {readFileSync} from "node:fs";
import {CodedError, toCodedError} from "@catalyze/core/errors/codedError";
import {PIPELINE_VERSION} from "@catalyze/core/task/manifest";
import type {ChildAnswers, ChildReply, ChildRequest} from "../protocol.ts";
import {loadEmbed} from "./embedProgram.ts";
import {inspectModel} from "./inspectModel.ts";
import {measureModel} from "./measureModel.ts";
import {loadOcr} from "./ocrProgram.ts";
import {runProbe} from "./probe.ts";
import type {LoadProgram, Program} from "./program.ts";
import {loadTensors} from "./tensorsProgram.ts";
import {loadText} from "./textProgram.ts";
import {loadVad} from "./vadProgram.ts";

const LOADERS = {
  ocr: loadOcr,
  embed: loadEmbed,
  vad: loadVad,
  text: loadText,
  tensors: loadTensors,
} as const satisfies Record<keyof typeof PIPELINE_VERSION, LoadProgram>;

const programs = new Map<string, Program>();

type Message = ChildRequest & {readonly id: number};
type RunMessage = Extract<Message, {type: "run"}>;
type LoadMessage = Extract<Message, {type: "load"}>;

function send(reply: ChildReply): void {
  process.send?.(reply);
}

async function load({bundle, manifest, files}: LoadMessage): Promise<ChildAnswers["load"]> {
  const started = performance.now();
  if (manifest.pipeline !== PIPELINE_VERSION[manifest.kind]) {
    const message = `The class ${manifest.kind} of version ${manifest.pipeline} needs another version of this program.`;
    throw new CodedError("EXECUTOR_UNAVAILABLE", {message});
  }
  const readFile = (name: string) => {
    const file = files.find((each) => each.name === name);
    if (file === undefined) throw new CodedError("MODEL_INVALID", {evidence: {missing: name}});
    return readFileSync(file.path);
  };
  programs.set(bundle, await LOADERS[manifest.kind](manifest, readFile));
  return {loadMs: performance.now() - started, rssBytes: process.memoryUsage.rss()};
}

async function unload({bundle}: {readonly bundle: string}): Promise<ChildAnswers["unload"]> {
  const program = programs.get(bundle);
  programs.delete(bundle);
  await program?.close();
  return {};
}

async function run({id, bundle, params, input, unitsMax}: RunMessage): Promise<ChildAnswers["run"]> {
  const program = programs.get(bundle);
  if (program === undefined) throw new CodedError("MODEL_UNKNOWN", {evidence: {bundle}});
  const started = performance.now();
  let units = 0n;
  const output = await program.run(new Uint8Array(params), new Uint8Array(input), {
    emit: (chunk) => send({type: "output", id, chunk}),
    progress: (phase, done, total) => send({type: "progress", id, phase, done, total}),
    spend: (more) => {
      units += more;
      if (units > unitsMax) throw new CodedError("METER_ABOVE_MAX", {evidence: {units, unitsMax}});
    },
  });
  return {output, units, executorMs: performance.now() - started, rssBytes: process.memoryUsage.rss()};
}

async function answer(message: Message): Promise<ChildAnswers[keyof ChildAnswers]> {
  switch (message.type) {
    case "load":
      return await load(message);
    case "unload":
      return await unload(message);
    case "run":
      return await run(message);
    case "inspect":
      return {signature: await inspectModel(readFileSync(message.path))};
    case "measure":
      return {counts: await measureModel(readFileSync(message.path), message.points)};
    case "probe":
      return await runProbe();
  }
}

process.on("message", (message: Message) => {
  answer(message).then(
    (value) => send({type: "done", id: message.id, value}),
    (thrown: unknown) => {
      const {code, message: text, evidence} = toCodedError(thrown);
      send({
        type: "failed",
        id: message.id,
        code: code === "INTERNAL" ? "EXECUTOR_FAILED" : code,
        message: text,
        evidence,
      });
    },
  );
});

// The parent is gone: nobody is left to answer, and nothing here needs flushing.
process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));

send({type: "ready"});
