/**
 * The JSON files that hold sealed secrets: keystore and backup. A checksum over everything else tells a
 * damaged file from a wrong passphrase; the format and version are read first and never guessed.
 */
import {createHash} from "node:crypto";
import {CodedError} from "@catalyze/core/errors/codedError";
import {encodeCanonicalJson, isRecord} from "@catalyze/core/primitives/canonicalJson";
import {parseSealed, type SealedSecrets} from "./sealedSecrets.ts";

const VERSION = 1;
/** Four keys take 1 kB; exit proofs of an account take a few hundred. */
export const SEALED_FILE_BYTES_MAX = 8 * 1024 * 1024;

export type SealedFile = {
  readonly format: "ctz-keystore" | "ctz-backup";
  /** Set on a restored home until the ledger has recovered: nothing is signed before. */
  readonly isRecovering: boolean;
  readonly sealed: SealedSecrets;
};

/** Readable JSON with a trailing newline. */
export function encodeSealedFile({format, isRecovering, sealed}: SealedFile): Uint8Array {
  const body = {format, version: VERSION, isRecovering, sealed};
  return Buffer.from(`${JSON.stringify({...body, checksum: checksumOf(body)}, undefined, 2)}\n`, "utf8");
}

/** Throws `KEYSTORE_INVALID` on damaged or foreign bytes, `SCHEMA_NEWER` on a later version. */
export function decodeSealedFile(bytes: Uint8Array, format: SealedFile["format"]): SealedFile {
  const json = parseJson(bytes);
  if (!isRecord(json) || json["format"] !== format) return invalid("format");
  const {checksum, ...body} = json;
  if (typeof body["version"] === "number" && body["version"] > VERSION) {
    throw new CodedError("SCHEMA_NEWER", {
      message: `The ${format === "ctz-backup" ? "backup" : "keystore"} was written by a newer version.`,
      evidence: {version: body["version"]},
    });
  }
  if (body["version"] !== VERSION || typeof body["isRecovering"] !== "boolean") return invalid("version");
  if (checksum !== checksumOf(body)) return invalid("checksum");
  return {format, isRecovering: body["isRecovering"], sealed: parseSealed(body["sealed"])};
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > SEALED_FILE_BYTES_MAX) return invalid("tooLarge");
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new CodedError("KEYSTORE_INVALID", {cause, evidence: {reason: "json"}});
  }
}

function checksumOf(body: unknown): string {
  return createHash("sha256").update(encodeCanonicalJson(body)).digest("hex");
}

function invalid(reason: string): never {
  throw new CodedError("KEYSTORE_INVALID", {evidence: {reason}});
}
