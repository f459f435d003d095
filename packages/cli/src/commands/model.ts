import {basename, resolve} from "node:path";
import type {ModelAddBody, ModelView} from "@catalyze/api/schema/market";
import {CodedError} from "@catalyze/core/errors/codedError";
import {command} from "../command.ts";
import {bytes, ctz, percent, yesNo} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";

const KINDS = ["ocr", "embed", "vad", "text", "tensors"] as const;

export const modelAdd = command({
  path: ["model", "add"],
  summary: "Sign a bundle of model files and, as a provider, sell it",
  examples: ["model add net.onnx --kind tensors --title 'My net' --licence MIT --royalty 500"],
  args: {files: {describe: "Files, as path or name=path", required: true, rest: true}},
  flags: {
    kind: {
      kind: "text",
      required: true,
      choices: KINDS,
      describe: "What runs around the models; tensors: nothing",
    },
    title: {kind: "text", required: true, describe: "For people"},
    licence: {kind: "text", required: true, describe: "Such as MIT or Apache-2.0"},
    alias: {kind: "text", describe: "A short name to ask for it by"},
    creator: {kind: "text", value: "account", describe: "Account that earns the royalty (else this node's)"},
    royalty: {kind: "text", value: "bps", describe: "Royalty in 1/10,000 of each payment"},
    sample: {kind: "text", value: "file", describe: "A sample input, where the work must be measured"},
  },
  async run({files, kind, title, licence, alias, creator, royalty, sample}, {client, output, io}) {
    const body: ModelAddBody = {
      kind: KINDS.find((name) => name === kind) ?? "tensors",
      title,
      licence,
      files: files.map((file) => fileOf(file, io.cwd)),
      ...(alias === undefined ? {} : {alias}),
      ...(creator === undefined ? {} : {creator}),
      ...(royalty === undefined ? {} : {royaltyBps: readBps(royalty)}),
      ...(sample === undefined ? {} : {samplePath: resolve(io.cwd, sample)}),
    };
    const view = await (await client()).call("modelAdd", {body});
    output.data(view, () => modelText(view, output.paint));
  },
});

function fileOf(text: string, cwd: string): {name: string; path: string} {
  const at = text.indexOf("=");
  const path = resolve(cwd, at > 0 ? text.slice(at + 1) : text);
  return {name: at > 0 ? text.slice(0, at) : basename(path), path};
}

function readBps(text: string): number {
  const bps = Number(text);
  if (!/^\d{1,5}$/.test(text) || bps > 10_000) {
    throw new CodedError("USAGE", {message: `--royalty: "${text}" is not 0 to 10000 (1/10,000).`});
  }
  return bps;
}

function modelText(view: ModelView, paint: Parameters<typeof pairs>[1]): string {
  return pairs(
    [
      ["class", view.taskClass],
      ["alias", view.alias],
      ["title", view.title],
      ["size", bytes(view.bytes)],
      ["royalty", percent(view.royaltyBps)],
      ["sold here", yesNo(view.isSold)],
    ],
    paint,
  );
}

export const modelList = command({
  path: ["model", "list"],
  summary: "Models that this node knows, holds or sells",
  async run(_values, {client, output}) {
    const view = await (await client()).call("models", {});
    output.data(view, () =>
      table<ModelView>(
        view.models,
        [
          {head: "ALIAS", cell: ({alias}) => alias ?? "-"},
          {head: "TITLE", cell: ({title}) => title},
          {head: "SIZE", cell: (model) => bytes(model.bytes), align: "right"},
          {head: "HERE", cell: ({isLocal}) => yesNo(isLocal)},
          {head: "SOLD", cell: ({isSold}) => yesNo(isSold)},
          {
            head: "PRICE",
            cell: ({unitPriceUctz}) => (unitPriceUctz === undefined ? "-" : ctz(unitPriceUctz)),
            align: "right",
          },
          {head: "ROYALTY", cell: ({royaltyBps}) => percent(royaltyBps), align: "right"},
          {head: "LICENCE", cell: ({licence}) => licence},
          {head: "CLASS", cell: ({taskClass}) => taskClass},
        ],
        {paint: output.paint, none: "No models yet."},
      ),
    );
  },
});
