/**
 * The closed table of failures. CLI exit codes, HTTP statuses and `docs/errors.md` derive from it.
 * `exit` follows docs: 1 internal, 2 usage, 3 daemon unreachable, 4 not found, 5 no capacity, 6 funds or
 * budget, 7 verification, 8 deadline, 9 failed at executor, 10 denied.
 */
export type Actor = "client" | "router" | "provider" | "network" | "policy" | "ledger" | "chain" | "node";
export type Phase =
  | "submit"
  | "price"
  | "award"
  | "lock"
  | "execute"
  | "commit"
  | "verify"
  | "pay"
  | "claim"
  | "checkpoint"
  | "anchor"
  | "start"
  | "api"
  | "wire";

export type ErrorRow = {
  readonly actor: Actor;
  readonly phase: Phase;
  readonly retryable: boolean;
  readonly exit: number;
  readonly http: number;
  readonly message: string;
  readonly hint: string;
};

type Flags = {readonly retryable?: boolean; readonly exit: number; readonly http: number};

// biome-ignore lint/complexity/useMaxParams: a row of a table reads in its order
function row(actor: Actor, phase: Phase, flags: Flags, message: string, hint: string): ErrorRow {
  return {
    actor,
    phase,
    retryable: flags.retryable ?? false,
    exit: flags.exit,
    http: flags.http,
    message,
    hint,
  };
}

const RETRY = true;

// biome-ignore format: a table reads best one row a line
export const ERRORS = {
  INTERNAL: row("node", "api", {exit: 1, http: 500}, "An internal error.", "Run `ctz doctor`; the log has the cause."),
  // Submit: what the caller sent.
  USAGE: row("client", "submit", {exit: 2, http: 400}, "The command or request is not understood.", "See --help."),
  REQUEST_INVALID: row("client", "api", {exit: 2, http: 400}, "The request does not match its schema.", "The message says what is wrong with it."),
  TASK_CLASS_UNKNOWN: row("client", "submit", {exit: 4, http: 404}, "No such task class or alias.", "List what is sold: `ctz market asks`."),
  MODEL_UNKNOWN: row("client", "submit", {exit: 4, http: 404}, "No such model.", "`ctz model list` shows this node's models."),
  INPUT_INVALID: row("client", "submit", {exit: 2, http: 400}, "The input does not fit the task class.", "The message says what was expected."),
  INPUT_TOO_LARGE: row("client", "submit", {exit: 2, http: 413}, "The input is larger than this class allows.", "Send a smaller input or split it."),
  TENSOR_SHAPE_MISMATCH: row("client", "submit", {exit: 2, http: 400}, "A tensor has the wrong shape or type.", "`ctz model list --json` shows the inputs."),
  MODEL_INVALID: row("client", "submit", {exit: 2, http: 400}, "The file is not a model that can be run.", "Check the file; it may be truncated."),
  MODEL_METER_UNKNOWN: row("client", "submit", {exit: 2, http: 400}, "The work of this model could not be counted.", "Give a sample input, or fix its shapes."),
  IDEMPOTENCY_CONFLICT: row("client", "submit", {exit: 2, http: 409}, "This idempotency key was used for another task.", "Use a new key."),
  NOT_FOUND: row("client", "api", {exit: 4, http: 404}, "No such thing.", "Check the id; what was made just now may need a moment."),
  TASK_NOT_FOUND: row("client", "api", {exit: 4, http: 404}, "No such task.", "`ctz task list` shows the tasks of this node."),
  TASK_FINISHED: row("client", "api", {exit: 2, http: 409}, "The task has already ended.", "Nothing to cancel; see `ctz task show`."),
  TASK_CANCELLED: row("client", "execute", {exit: 130, http: 409}, "The task was cancelled.", "Nothing was charged unless a result had been committed."),
  // Price and award.
  NO_PROVIDER: row("router", "price", {retryable: RETRY, exit: 5, http: 503}, "No peer offers this class now.", "Check `ctz peer list`; a provider must be up and selling this class."),
  NO_PEERS: row("network", "price", {retryable: RETRY, exit: 5, http: 503}, "This node has no peers.", "Join a network: `ctz up --join <address>`."),
  ALL_PROVIDERS_FAILED: row("router", "execute", {retryable: RETRY, exit: 5, http: 502}, "Every candidate refused or failed.", "`ctz task explain` lists each attempt and its reason."),
  PRICE_ABOVE_MAX: row("policy", "price", {exit: 6, http: 402}, "Every ask is above your maximum price.", "Raise --max-price; the evidence has the lowest ask."),
  CIRCUIT_OPEN: row("router", "price", {retryable: RETRY, exit: 5, http: 503}, "The provider failed lately and is left alone for now.", "It is probed again on its own; see `ctz task explain`."),
  CANDIDATE_EXCLUDED: row("policy", "price", {exit: 5, http: 503}, "The provider is excluded from this task.", "It was tried before, or a rule of the caller excludes it."),
  NEEDS_CONFIRMATION: row("policy", "price", {exit: 6, http: 402}, "The price needs your confirmation.", "Pass --yes; of a task, --max-price says what it may cost."),
  QUOTE_EXPIRED: row("router", "award", {retryable: RETRY, exit: 5, http: 503}, "The quote expired before it was used.", "Ask again."),
  QUOTE_INVALID: row("provider", "price", {retryable: RETRY, exit: 5, http: 502}, "A peer's quote is not valid.", "The peer was skipped."),
  // Money.
  FUNDS_INSUFFICIENT: row("ledger", "lock", {exit: 6, http: 402}, "The wallet does not hold enough CTZ.", "Receive CTZ, or ask for less (of a task: --max-price); see `ctz wallet show`."),
  UNITS_INSUFFICIENT: row("ledger", "lock", {exit: 6, http: 402}, "The wallet does not hold so many units of the asset.", "`ctz wallet assets` shows what it holds; units in open sales are set aside."),
  ASSET_UNKNOWN: row("client", "api", {exit: 4, http: 404}, "No asset has this id.", "`ctz wallet assets` shows yours; its issuer knows the id of any other."),
  ASSET_NOT_YOURS: row("client", "submit", {exit: 10, http: 403}, "Only who issued the asset may do that.", "`ctz ledger show <asset>` says who issued it."),
  NOTHING_TO_HARVEST: row("ledger", "claim", {exit: 6, http: 409}, "A harvest would bring no more than its fee now.", "What claims paid in is shared when the epoch ends, among who holds units then: see `ctz wallet assets`."),
  SALE_UNKNOWN: row("client", "api", {exit: 4, http: 404}, "No open offer has this id.", "It may have been matched, or have expired: `ctz wallet sales` shows the open ones."),
  SALE_UNMATCHED: row("network", "checkpoint", {retryable: true, exit: 5, http: 409}, "No other offer fitted until this one expired: what it gave is back.", "Offer it again, want less for it, or let it stand longer; see `ctz wallet sales`."),
  LOCK_TIMEOUT: row("ledger", "lock", {retryable: RETRY, exit: 8, http: 504}, "The ledger did not certify the lock in time.", "Witnesses may be unreachable: `ctz ledger show`."),
  LOCK_UNKNOWN: row("client", "lock", {exit: 4, http: 404}, "No lock of this id is on the ledger here.", "`ctz lock list` shows yours. If it was opened just now, try again in a moment; else ask who opened it for its id."),
  LOCK_CLOSED: row("client", "lock", {exit: 6, http: 409}, "The lock is closed, or has expired: what was left in it went back.", "`ctz ledger show <lock>` shows its end; open another."),
  LOCK_NOT_YOURS: row("client", "lock", {exit: 10, http: 403}, "This account has no say in that part of the lock.", "`ctz ledger show <lock>` says who pays, who is paid, and whose vouchers count."),
  PAYEE_KEY_UNKNOWN: row("client", "lock", {exit: 2, http: 400}, "The ledger does not know the key of this account.", "Ask its owner for what its `ctz wallet show` calls `payee`: account and key."),
  NOTHING_TO_CLAIM: row("client", "claim", {exit: 6, http: 409}, "Nothing more can be drawn from the lock now.", "Take a higher voucher (`ctz lock take`), or wait for the clock; see `ctz ledger show <lock>`."),
  LOCK_EXHAUSTED: row("client", "claim", {exit: 6, http: 409}, "Less than that is left in the lock.", "Award less: the fee comes out of the lock, too. `ctz ledger show <lock>` says what is left."),
  PAYEE_NOT_ALLOWED: row("client", "claim", {exit: 10, http: 403}, "The terms of the lock do not let its judge pay this one.", "`ctz ledger show <lock>` says whom it may pay."),
  AWARD_INVALID: row("client", "claim", {exit: 2, http: 400}, "This is no award that this account can sign.", "Ask the judge who sent it for the whole text that its `ctz lock award` printed."),
  AWARD_CONFLICT: row("client", "claim", {exit: 10, http: 409}, "This account has signed another award in this place: two of them would freeze the lock.", "Have that one signed by the others (`ctz lock sign`), or let the lock end: then what is left goes back."),
  LOCK_INVALID: row("client", "lock", {exit: 6, http: 402}, "The lock offered does not cover this task.", "The provider did no work; open another lock."),
  OP_REJECTED: row("ledger", "lock", {exit: 6, http: 409}, "The ledger refused the operation.", "The evidence has the rule."),
  OP_TIMEOUT: row("ledger", "lock", {retryable: RETRY, exit: 8, http: 504}, "The operation was not certified in time; it stays pending and is sent again.", "Check `ctz ledger show`; do not send it twice."),
  ACCOUNT_UNKNOWN: row("client", "pay", {exit: 4, http: 404}, "No such account.", "An account id has 64 hex digits."),
  STAKE_TOO_SMALL: row("client", "submit", {exit: 6, http: 402}, "A seat among the witnesses needs more stake.", "`ctz witness join --stake <amount>` stakes first; see `ctz witness status`."),
  WITNESS_BARRED: row("client", "submit", {exit: 7, http: 403}, "The vote key was convicted of a fork: its seat is closed for good.", "Only another home, with other keys, can witness."),
  VOTE_WITHOUT_STAKE: row("client", "submit", {exit: 6, http: 402}, "A vote weighs what its account has staked: this one has nothing.", "`ctz wallet stake <amount>` stakes; see `ctz govern show`."),
  PROPOSAL_UNKNOWN: row("client", "api", {exit: 4, http: 404}, "No open proposal has this id; perhaps its vote has ended.", "`ctz govern list` shows the open ones."),
  PARAM_UNKNOWN: row("client", "submit", {exit: 2, http: 400}, "No such parameter.", "`ctz govern show` lists them."),
  PARAM_OUT_OF_BOUNDS: row("client", "submit", {exit: 2, http: 400}, "No vote may set the parameter to this value.", "`ctz govern show` has the bounds."),
  AMOUNT_INVALID: row("client", "submit", {exit: 2, http: 400}, "Not an amount.", "Write 1.5 (CTZ) or 1500uctz (µCTZ)."),
  UNITS_INVALID: row("client", "submit", {exit: 2, http: 400}, "Not a number of units.", "Units of an asset are whole: write 10."),
  VOUCHER_INVALID: row("client", "pay", {exit: 6, http: 402}, "The voucher does not verify.", "Ask who pays for the whole voucher again; the last valid one still counts."),
  VERDICT_INVALID: row("client", "pay", {exit: 6, http: 402}, "The verdict does not verify.", "It needs signatures of more than 2/3 of the weight of the committee of its epoch."),
  PAYMENT_WITHHELD: row("client", "pay", {exit: 6, http: 402}, "A result was committed but not paid in time.", "The lock's remainder returns to the payer at expiry."),
  // Provider side.
  PROVIDER_BUSY: row("provider", "award", {retryable: RETRY, exit: 5, http: 503}, "The provider is at capacity.", "The next candidate is tried."),
  PROVIDER_DRAINING: row("provider", "award", {retryable: RETRY, exit: 5, http: 503}, "The provider is shutting down.", "The next candidate is tried."),
  PROVIDER_DIED: row("provider", "execute", {retryable: RETRY, exit: 5, http: 502}, "The provider went away.", "Not charged; the next candidate is tried."),
  PROVIDER_LATE: row("provider", "execute", {retryable: RETRY, exit: 8, http: 504}, "The provider missed its deadline.", "Not charged; the next candidate is tried."),
  PROVIDER_REFUSED: row("provider", "award", {retryable: RETRY, exit: 5, http: 502}, "The provider refused the task.", "The evidence has its reason."),
  CLASS_NOT_SOLD: row("provider", "award", {retryable: RETRY, exit: 5, http: 503}, "The provider does not sell this class.", "Its ask was stale; the next candidate is tried."),
  PRICE_BELOW_ASK: row("client", "award", {exit: 6, http: 402}, "The terms are below the provider's price.", "Ask for a quote again."),
  MODEL_FETCH_FAILED: row("provider", "execute", {retryable: RETRY, exit: 5, http: 502}, "The provider could not fetch the model.", "Some peer must hold it: `ctz model list`."),
  DEADLINE: row("client", "execute", {retryable: RETRY, exit: 8, http: 504}, "The task's deadline passed.", "Raise --timeout; see `ctz task explain`."),
  // Executor.
  EXECUTOR_FAILED: row("provider", "execute", {retryable: RETRY, exit: 9, http: 502}, "The executor failed.", "The evidence has its message."),
  EXECUTOR_CRASHED: row("provider", "execute", {retryable: RETRY, exit: 9, http: 502}, "The executor process died.", "Usually memory; the node itself is unharmed."),
  EXECUTOR_TIMEOUT: row("provider", "execute", {retryable: RETRY, exit: 9, http: 504}, "The task ran past its time limit and was killed.", "Send less work in one task."),
  EXECUTOR_OUTPUT_TOO_LARGE: row("provider", "execute", {exit: 9, http: 502}, "The output is larger than this class allows.", "Send less work in one task."),
  EXECUTOR_UNAVAILABLE: row("node", "start", {exit: 9, http: 503}, "This node cannot run models.", "`ctz doctor` says what is missing."),
  BLOB_CORRUPT: row("network", "execute", {retryable: RETRY, exit: 5, http: 502}, "Bytes did not match their content id.", "The sender was dropped; another source is tried."),
  BLOB_NOT_FOUND: row("network", "execute", {retryable: RETRY, exit: 4, http: 404}, "No reachable peer holds this content.", "Keep the publisher online until others have fetched it."),
  BLOB_TOO_LARGE: row("client", "execute", {exit: 2, http: 413}, "The content is larger than this node accepts.", "Raise the limit, or choose smaller content."),
  // Verify.
  RESULT_INVALID: row("provider", "verify", {retryable: RETRY, exit: 7, http: 502}, "The result does not match its commit or class.", "Not charged; recorded against the provider."),
  METER_ABOVE_MAX: row("provider", "verify", {retryable: RETRY, exit: 7, http: 502}, "The meter is above what was agreed.", "Not charged; recorded against the provider."),
  VERIFY_MISMATCH: row("provider", "verify", {exit: 7, http: 502}, "Two providers gave different results.", "Neither was paid; `ctz task explain` shows both."),
  VERIFY_NO_SECOND: row("router", "verify", {retryable: RETRY, exit: 5, http: 503}, "No second provider could check the result.", "Lower --verify or wait for more peers."),
  // Wire: what a peer sent.
  DECODE_INVALID: row("network", "wire", {exit: 1, http: 400}, "Bytes that do not decode.", "The sender loses standing."),
  PROOF_INVALID: row("client", "wire", {exit: 7, http: 400}, "The proof does not hold.", "Get a new one, or ask somebody else for it."),
  SIGNATURE_INVALID: row("network", "wire", {exit: 1, http: 400}, "A signature does not verify.", "The sender loses standing."),
  SNAPSHOT_INVALID: row("network", "wire", {retryable: RETRY, exit: 7, http: 502}, "A snapshot of the ledger does not hold.", "Its sender was dropped; another peer is asked."),
  FRAME_TOO_LARGE: row("network", "wire", {exit: 1, http: 413}, "A message is over its size limit.", "The stream was closed."),
  MESSAGE_UNEXPECTED: row("network", "wire", {exit: 1, http: 400}, "A message out of turn.", "The stream was closed."),
  MESSAGE_EXPIRED: row("network", "wire", {exit: 1, http: 400}, "A message past its expiry, or from the future.", "Check both clocks: `ctz doctor`."),
  PEER_UNKNOWN_CODE: row("network", "wire", {retryable: RETRY, exit: 1, http: 502}, "A peer gave a reason that this version does not know.", "Update the node."),
  PEER_UNREACHABLE: row("network", "wire", {retryable: RETRY, exit: 5, http: 502}, "The peer cannot be reached.", "The next candidate is tried."),
  PEER_BUDGET_EXHAUSTED: row("network", "wire", {retryable: RETRY, exit: 10, http: 429}, "Too many requests from this peer.", "Slow down."),
  QUEUE_FULL: row("node", "api", {retryable: RETRY, exit: 5, http: 503}, "A queue of this node is full.", "Try again in a moment."),
  // Node.
  HOME_LOCKED: row("client", "start", {exit: 2, http: 409}, "Another daemon uses this home.", "Stop it (`ctz down`) or choose another --home."),
  HOME_INVALID: row("client", "start", {exit: 2, http: 400}, "The home directory cannot be used.", "The message says why."),
  TABLE_INVALID: row("client", "start", {exit: 2, http: 400}, "This is no signing table that this home may take over.", "The message says why. `ctz witness export` on the machine that the witness leaves writes one."),
  SCHEMA_NEWER: row("client", "start", {exit: 2, http: 400}, "The database was written by a newer version; it was left untouched.", "Update ctz, or use another --home."),
  STORE_FULL: row("node", "start", {retryable: RETRY, exit: 1, http: 507}, "The disk is full.", "Free space; nothing that was acknowledged is lost."),
  STORE_CORRUPT: row("node", "start", {exit: 1, http: 500}, "The database is damaged.", "Keys and vouchers are safe in their own files; see docs/operator.md."),
  CONFIG_INVALID: row("client", "start", {exit: 2, http: 400}, "The configuration is not valid.", "`ctz config list` shows every key."),
  PASSPHRASE_WRONG: row("client", "start", {exit: 10, http: 403}, "The passphrase does not open the keystore.", "Check CTZ_KEY_PASSPHRASE_FILE."),
  KEYSTORE_INVALID: row("client", "start", {exit: 2, http: 400}, "The keystore cannot be read.", "Restore it from a backup: `ctz wallet restore`."),
  NETWORK_MISMATCH: row("client", "start", {exit: 2, http: 409}, "This home belongs to another network.", "Use another --home for another network."),
  GENESIS_INVALID: row("client", "start", {exit: 2, http: 400}, "The genesis is not valid.", "Get it again from a peer you trust."),
  PORT_IN_USE: row("client", "start", {exit: 2, http: 409}, "The port is taken.", "Choose another, or leave it to ctz (port 0)."),
  DAEMON_UNREACHABLE: row("client", "api", {retryable: RETRY, exit: 3, http: 503}, "No daemon answers.", "Start one: `ctz up`."),
  DAEMON_DIED: row("node", "api", {retryable: RETRY, exit: 3, http: 503}, "A daemon ended that should still run.", "Its log has its last words; its home is as after a crash and can be started again."),
  DEMO_FAILED: row("node", "api", {retryable: RETRY, exit: 1, http: 500}, "The demo did not hold.", "The message says what; homes and logs stay for a look."),
  API_TIMEOUT: row("node", "api", {retryable: RETRY, exit: 8, http: 504}, "The daemon did not answer in time.", "Raise --timeout; `ctz doctor` says whether the daemon is well."),
  STARTING: row("node", "start", {retryable: RETRY, exit: 3, http: 503}, "The daemon is starting.", "Wait for `ctz status` to say ready."),
  UNAUTHORIZED: row("policy", "api", {exit: 10, http: 401}, "The API token is missing or wrong.", "The token is in <home>/api.token."),
  FORBIDDEN: row("policy", "api", {exit: 10, http: 403}, "Refused by policy.", "The message says which rule."),
  // Ledger and chain.
  LEDGER_INVARIANT: row("ledger", "checkpoint", {exit: 1, http: 500}, "A ledger invariant does not hold; this witness has stopped voting.", "Keep the home for inspection; see `ctz ledger verify`."),
  LEDGER_DIVERGED: row("ledger", "checkpoint", {exit: 7, http: 500}, "A record of the ledger is not what the records before it lead to.", "The evidence names it. Compare with an export of another node; see docs/operator.md."),
  LEDGER_FILE_INVALID: row("client", "wire", {exit: 7, http: 400}, "The file is no whole ledger export.", "Export it again, or get another copy."),
  LEDGER_INCOMPLETE: row("ledger", "api", {exit: 4, http: 409}, "The logs from before this node's start are not here: it began with a snapshot, or pruned them.", "Ask a node that runs with `--archive`, or begin with a snapshot."),
  LEDGER_RECOVERY: row("ledger", "start", {retryable: RETRY, exit: 3, http: 503}, "This node recovers its logs before it signs.", "Wait; `ctz status` shows progress."),
  CHAIN_UNREACHABLE: row("chain", "anchor", {retryable: RETRY, exit: 1, http: 502}, "The EVM node does not answer.", "The ledger goes on; anchors wait."),
  CHAIN_MISMATCH: row("chain", "anchor", {exit: 1, http: 409}, "The chain is not the one of this network.", "Check chain id and contract address."),
  ANCHOR_REVERTED: row("chain", "anchor", {exit: 1, http: 502}, "The contract refused the anchor.", "The evidence has its reason."),
  TOOL_MISSING: row("client", "start", {exit: 2, http: 501}, "A program that this needs is not installed.", "The message says which and how to get it."),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;
