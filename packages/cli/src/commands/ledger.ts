import type {CheckpointView} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isCellId} from "@catalyze/core/primitives/id";
import {command} from "../command.ts";
import {ctz, shortId, time} from "../output/format.ts";
import {pairs, table} from "../output/table.ts";
import {cellsText} from "./cellText.ts";
import {witnessTable} from "./ledgerLines.ts";
import {readLimit} from "./limit.ts";

export const ledgerShow = command({
  path: ["ledger", "show"],
  summary: "Height, witnesses, supply, chain; or what the ledger has under an id",
  examples: ["ledger show", "ledger show <account, lock, sale or asset>"],
  args: {id: {describe: "Of an account, a lock, an offer, an asset or a holding: 64 hex digits"}},
  async run({id}, {client, output}) {
    if (id !== undefined) {
      if (!isCellId(id)) throw new CodedError("NOT_FOUND", {message: `"${id}" is no id: 64 hex digits.`});
      const cells = await (await client()).call("ledgerCells", {params: {id}});
      output.data(cells, () => cellsText(cells, output.paint));
      return;
    }
    const view = await (await client()).call("ledger", {});
    output.data(view, () => {
      const {chain} = view;
      const head = pairs(
        [
          ["network", view.network],
          ["genesis", view.genesisHash],
          ["height", `${view.height}, epoch ${view.epoch}`],
          ["state root", view.stateRoot],
          ["this node", view.isWitness ? "a witness" : "not a witness"],
          ["recovering", view.isRecovering ? "yes: it signs nothing yet" : undefined],
          ["accounts", `${view.accounts}, ${view.locksOpen} open locks`],
          ["supply", `${ctz(view.supplyUctz)}, ${ctz(view.burnedUctz)} burned`],
          ["ops pending", String(view.opsPending)],
          [
            "chain",
            chain === undefined
              ? "none: this network runs unanchored"
              : `${chain.chainId}, contract ${chain.contract}${chain.isReachable ? "" : ", does not answer"}`,
          ],
          [
            "last anchor",
            chain?.lastAnchor === undefined
              ? undefined
              : `epoch ${chain.lastAnchor.epoch}, ${chain.lastAnchor.state}, ${chain.lastAnchor.tx ?? ""}`,
          ],
        ],
        output.paint,
      );
      return `${head}\n${witnessTable(view.witnesses, output.paint)}`;
    });
  },
});

export const ledgerCheckpoints = command({
  path: ["ledger", "checkpoints"],
  summary: "Checkpoints and their anchors, newest first",
  flags: {limit: {kind: "text", value: "n", describe: "At most so many (100)"}},
  async run({limit}, {client, output}) {
    const view = await (await client()).call("ledgerCheckpoints", {query: readLimit(limit)});
    output.data(view, () =>
      table<CheckpointView>(
        view.checkpoints,
        [
          {head: "HEIGHT", cell: ({height}) => height, align: "right"},
          {head: "EPOCH", cell: ({epoch}) => String(epoch), align: "right"},
          {head: "STATE ROOT", cell: ({stateRoot}) => stateRoot},
          {head: "SIGNED BY", cell: ({signatures}) => String(signatures), align: "right"},
          {head: "WHEN", cell: ({atMs}) => (atMs === undefined ? "-" : time(atMs))},
          {
            head: "ANCHOR",
            cell: ({anchor}) =>
              anchor === undefined
                ? "-"
                : `${anchor.state} ${anchor.tx === undefined ? "" : shortId(anchor.tx)}`,
          },
        ],
        {paint: output.paint, none: "No checkpoint yet."},
      ),
    );
  },
});

export const ledgerBalances = command({
  path: ["ledger", "balances"],
  summary: "Every account at the last checkpoint",
  async run(_values, {client, output}) {
    const view = await (await client()).call("ledgerBalances", {});
    output.data(view, () =>
      table(
        view.balances,
        [
          {head: "ACCOUNT", cell: ({account}) => account},
          {head: "BALANCE", cell: ({balanceUctz}) => ctz(balanceUctz), align: "right"},
          {head: "STAKED", cell: ({stakedUctz}) => ctz(stakedUctz), align: "right"},
          {head: "WHO", cell: ({label}) => label ?? ""},
        ],
        {paint: output.paint, none: "No accounts."},
      ),
    );
  },
});
