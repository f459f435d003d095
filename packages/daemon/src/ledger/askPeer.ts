/** Questions to one peer over one ledger stream, one after the other; silence ends it. */
import {CodedError} from "@catalyze/core/errors/codedError";
import type {Clock} from "@catalyze/core/ports/clock";
import type {FrameStream, Net} from "@catalyze/core/ports/net";
import type {PeerId} from "@catalyze/core/primitives/id";
import {
  decodeLedgerFrame,
  encodeLedgerFrame,
  type LedgerFrameBody,
  type LedgerFrameInit,
} from "./ledgerFrame.ts";

export type AskPeerComponents = {readonly net: Pick<Net, "open">; readonly clock: Pick<Clock, "after">};

type Kind = LedgerFrameBody["case"];
type ValueOf<K extends Kind> = Extract<LedgerFrameBody, {case: K}>["value"];

/** The answer of the kind that is due. Throws `MESSAGE_UNEXPECTED` for another, `PEER_UNREACHABLE` for none. */
export type Ask = <K extends Kind>(question: LedgerFrameInit, kind: K) => Promise<ValueOf<K>>;

export type AskPeerOptions = {
  readonly peer: PeerId;
  /** The longest silence. */
  readonly replyMs: number;
  readonly signal: AbortSignal;
};

export async function askPeer<T>(
  {net, clock}: AskPeerComponents,
  {peer, replyMs, signal}: AskPeerOptions,
  talk: (ask: Ask) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const onStop = () => controller.abort(signal.reason);
  signal.addEventListener("abort", onStop, {once: true});
  let cancel = () => {};
  const extend = () => {
    cancel();
    cancel = clock.after(replyMs, () => controller.abort(new CodedError("PEER_UNREACHABLE")));
  };
  let stream: FrameStream | undefined;
  try {
    extend();
    stream = await net.open(peer, "ledger", controller.signal);
    const open = stream;
    const answer = await talk(async (question, kind) => {
      extend();
      await open.send(encodeLedgerFrame(question));
      const frame = await open.receive(controller.signal);
      if (frame === undefined) throw new CodedError("PEER_UNREACHABLE");
      const body = decodeLedgerFrame(frame);
      if (body.case !== kind) throw new CodedError("MESSAGE_UNEXPECTED", {evidence: {kind: body.case}});
      return body.value as ValueOf<typeof kind>;
    });
    await stream.close();
    return answer;
  } catch (error) {
    stream?.abort();
    throw error;
  } finally {
    cancel();
    signal.removeEventListener("abort", onStop);
  }
}
