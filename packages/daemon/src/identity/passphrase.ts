/** Where the passphrase comes from: a file that the operator names, else one that this home made. */
import {randomBytes} from "node:crypto";
import {readFile, stat} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {writePrivateFile} from "./atomicFile.ts";

const BYTES_MAX = 4096;
const GROUP_AND_OTHERS = 0o077;

export type Passphrase = {
  readonly bytes: Uint8Array;
  /** Lies beside the keystore: it guards a copied file, not a copied home. `ctz doctor` warns. */
  readonly isGenerated: boolean;
  /** Others on this machine can read the file. `ctz doctor` warns. */
  readonly isExposed: boolean;
};

export type PassphraseSource = {
  /** `CTZ_KEY_PASSPHRASE_FILE`, when set. */
  readonly stated: string | undefined;
  /** Of the home; made on first use. */
  readonly generated: string;
};

/** Throws `CONFIG_INVALID` when the file that the operator named cannot serve. */
export async function readPassphrase({stated, generated}: PassphraseSource): Promise<Passphrase> {
  if (stated !== undefined && stated !== "") return {...(await readOne(stated)), isGenerated: false};
  if (!(await isThere(generated))) {
    await writePrivateFile(generated, Buffer.from(`${randomBytes(32).toString("base64url")}\n`, "utf8"));
  }
  return {...(await readOne(generated)), isGenerated: true};
}

async function readOne(path: string): Promise<Omit<Passphrase, "isGenerated">> {
  let bytes: Uint8Array;
  let mode: number;
  try {
    const status = await stat(path);
    mode = status.mode;
    if (status.size > BYTES_MAX) throw new Error(`more than ${BYTES_MAX} bytes`);
    bytes = await readFile(path);
  } catch (cause) {
    throw new CodedError("CONFIG_INVALID", {message: `Cannot read the passphrase file ${path}.`, cause});
  }
  const trimmed = withoutNewline(bytes);
  if (trimmed.length === 0) {
    throw new CodedError("CONFIG_INVALID", {message: `The passphrase file ${path} is empty.`});
  }
  return {bytes: trimmed, isExposed: (mode & GROUP_AND_OTHERS) !== 0};
}

/** Editors end a file with a newline that nobody means as part of the passphrase. */
function withoutNewline(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return new Uint8Array(bytes.subarray(0, end));
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw new CodedError("HOME_INVALID", {message: `Cannot read ${path}.`, cause});
  }
}
