import {VERSION} from "@catalyze/daemon/options/version";
import {command} from "../command.ts";

export const version = command({
  path: ["version"],
  summary: "Version of ctz and of Node",
  async run(_values, {output}) {
    const view = {
      version: VERSION,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    };
    output.data(view, () => `ctz ${view.version} (node ${view.node}, ${view.platform})\n`);
  },
});
