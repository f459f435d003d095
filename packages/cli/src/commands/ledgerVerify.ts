import type {LedgerReport} from "@catalyze/api/schema/money";
import {CodedError} from "@catalyze/core/errors/codedError";
import {itemText} from "@catalyze/core/ledger/divergence";
import {genesisHash} from "@catalyze/core/ledger/genesis";
import type {RederiveCounts, Rederived} from "@catalyze/core/ledger/rederive";
import {command} from "../command.ts";
import type {CommandContext} from "../context.ts";
import {type LedgerSource, openLedgerSource} from "../ledger/ledgerSource.ts";
import {startText} from "../ledger/startText.ts";
import {ctz, duration} from "../output/format.ts";
import {ProgressBar} from "../output/progressBar.ts";
import {pairs} from "../output/table.ts";

/** Re-checking a large ledger takes minutes. */
const VERIFY_TIMEOUT_MS = 600_000;

export const ledgerVerify = command({
  path: ["ledger", "verify"],
  summary:
    "Check every invariant now, or with --deep everything that the logs lead to; exit code not 0 when it does not hold",
  examples: [
    "ledger verify",
    "ledger verify --deep",
    "ledger verify --deep --file net.ledger --genesis genesis.json",
  ],
  flags: {
    deep: {
      kind: "switch",
      describe:
        "Derive all state again from the genesis, or the snapshot at which the logs here start; names the first record that differs",
    },
    file: {kind: "text", value: "file", describe: "With --deep: of this export; needs no daemon and no home"},
    genesis: {
      kind: "text",
      value: "file",
      describe:
        "With --deep: whose ledger it must be (else that of this home, or for --file the one in the file)",
    },
  },
  async run({deep, file, genesis}, context) {
    if (deep) return await verifyDeep(context, {file, genesis});
    if (file !== undefined || genesis !== undefined)
      throw new CodedError("USAGE", {message: "--file and --genesis are for --deep."});
    const {client, output, globals} = context;
    const view = await (await client()).call("ledgerVerify", {
      timeoutMs: globals.timeoutMs ?? VERIFY_TIMEOUT_MS,
    });
    output.data(view, () => reportText(view, output.paint));
    return view.ok ? 0 : new CodedError("LEDGER_INVARIANT").row.exit;
  },
});

type DeepFlags = {readonly file: string | undefined; readonly genesis: string | undefined};

async function verifyDeep(context: CommandContext, flags: DeepFlags): Promise<number> {
  const {io, globals, output} = context;
  const bar = new ProgressBar(io, globals.quiet);
  const source = await openLedgerSource(context, flags);
  const startedMs = io.now();
  try {
    const result = await rederived(source, ({heights, ops}) =>
      bar.update(`height ${heights}, ${ops} ops`, Number(heights), source.heightsTotal),
    );
    bar.clear();
    const view = deepView(source, result, io.now() - startedMs);
    output.data(view, () => deepText(view, output.paint));
    return view.ok ? 0 : new CodedError("LEDGER_DIVERGED").row.exit;
  } finally {
    bar.clear();
    await source.close();
  }
}

/** The rules of the ledger are a part of the program that short commands need not load. */
async function rederived(
  {genesis, records}: LedgerSource,
  onRecord: (counts: RederiveCounts) => void,
): Promise<Rederived> {
  const {rederive} = await import("@catalyze/core/ledger/rederive");
  const {openVerifier} = await import("@catalyze/daemon/identity/signatures");
  const {verifier} = openVerifier(NO_LOG);
  return await rederive(records, {genesis, verifier, onRecord});
}

function deepView({where, genesis}: LedgerSource, result: Rederived, tookMs: number) {
  const {heights, begun, entries, ops, cells, stateRoot, divergence} = result;
  return {
    ok: divergence === undefined,
    source: where,
    genesisHash: genesisHash(genesis),
    heights: heights.toString(),
    startsAt: begun.toString(),
    ...{entries, ops, cells},
    seconds: Math.round(tookMs) / 1000,
    stateRoot,
    ...(divergence === undefined
      ? {}
      : {
          divergence: {
            height: divergence.height.toString(),
            item: itemText(divergence.item),
            field: divergence.field,
            expected: divergence.expected,
            found: divergence.found,
          },
        }),
  };
}

type DeepView = ReturnType<typeof deepView>;

const READ_FROM = {
  daemon: "the running daemon",
  home: "this home; no daemon runs",
  file: "the file",
} as const;

function deepText(view: DeepView, paint: Parameters<typeof pairs>[1]): string {
  const {divergence} = view;
  const head = pairs(
    [
      ["read from", READ_FROM[view.source]],
      ["genesis", view.genesisHash],
      ["starts at", startText(view.startsAt)],
      ["heights", view.heights],
      ["entries", String(view.entries)],
      ["ops", `${view.ops} applied, each with its signatures`],
      ["took", duration(view.seconds * 1000)],
      ["state root", view.stateRoot],
    ],
    paint,
  );
  if (divergence === undefined)
    return `${head}${paint("ok", "green")}: state equals the stored one, ${view.cells} cells\n`;
  const where = pairs(
    [
      ["height", divergence.height],
      ["record", divergence.item],
      ["field", divergence.field],
      ["expected", divergence.expected],
      ["found", divergence.found],
    ],
    paint,
  );
  return `${head}${paint("WRONG", "red")}: the first record that does not follow from those before it\n${where}`;
}

const NO_LOG = {debug() {}, info() {}, warn() {}, error() {}, child: () => NO_LOG};

function reportText(view: LedgerReport, paint: Parameters<typeof pairs>[1]): string {
  const checks = view.checks.map(
    ({name, ok, detail}) => `${ok ? paint("ok   ", "green") : paint("WRONG", "red")}  ${name}: ${detail}\n`,
  );
  const sums = pairs(
    [
      ["height", view.height],
      ["supply", ctz(view.supplyUctz)],
      ["balances", ctz(view.balancesUctz)],
      ["in locks", ctz(view.lockedUctz)],
      ["staked", ctz(view.stakedUctz)],
      ["burned", ctz(view.burnedUctz)],
      ["withdrawn", ctz(view.withdrawnUctz)],
    ],
    paint,
  );
  return `${sums}\n${checks.join("")}`;
}
