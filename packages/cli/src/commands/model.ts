import {stat} from "node:fs/promises";
import {resolve} from "node:path";
import type {ModelAddBody, ModelView} from "@catalyze/api/schema/market";
import {CodedError} from "@catalyze/core/errors/codedError";
import {ROYALTY_BPS_MAX} from "@catalyze/core/task/manifestCodec";
import {command} from "../command.ts";
import {bytes, ctz, percent, yesNo} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";
import {readBps} from "./lots.ts";

export const modelAdd = command({
  path: ["model", "add"],
  summary: "Put a model up for sale: an ONNX file, a folder with a signed bundle, or a bundle's content id",
  examples: [
    "model add net.onnx --title 'My net' --licence MIT --royalty 5%",
    "model add .cache/models/ocr",
    "model add bafkreigh2akiscaildc…",
  ],
  args: {model: {describe: "ONNX file, bundle folder or content id", required: true}},
  flags: {
    title: {kind: "text", describe: "For people (ONNX file only)"},
    licence: {kind: "text", describe: "Such as MIT or Apache-2.0 (ONNX file only)"},
    alias: {kind: "text", describe: "A short name to ask for it by (ONNX file only)"},
    royalty: {
      kind: "text",
      value: "share",
      describe: "This account's share of each payment: 5%, or 500 in 1/10,000 (not for signed bundles)",
    },
  },
  async run({model, title, licence, alias, royalty}, {client, output, io}) {
    const body: ModelAddBody = {
      ...(await sourceOf(model, io.cwd)),
      ...(title === undefined ? {} : {title}),
      ...(licence === undefined ? {} : {licence}),
      ...(alias === undefined ? {} : {alias}),
      ...(royalty === undefined ? {} : {royaltyBps: readBps(royalty, "--royalty", ROYALTY_BPS_MAX)}),
    };
    const view = await (await client()).call("modelAdd", {body});
    output.data(view, () => modelText(view, output.paint));
    if (!view.isSold) output.note("Not sold yet: start the node with --role provider and a price for it.");
  },
});

const CID = /^b[a-z2-7]{50,120}$/;

async function sourceOf(text: string, cwd: string): Promise<Pick<ModelAddBody, "source" | "path" | "cid">> {
  if (CID.test(text)) return {source: "cid", cid: text};
  const path = resolve(cwd, text);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new CodedError("USAGE", {message: `There is no file or folder ${path}.`});
  return {source: found.isDirectory() ? "bundle" : "onnx", path};
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
