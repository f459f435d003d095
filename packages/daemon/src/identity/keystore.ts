/** The keystore of a home: four keys under the passphrase, mode 0600, replaced atomically. */
import {access, chmod, readFile, stat} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {writePrivateFile} from "./atomicFile.ts";
import {generateNodeKeys, isNodeKeys, type NodeKeys} from "./nodeKeys.ts";
import {decodeSealedFile, encodeSealedFile, SEALED_FILE_BYTES_MAX, type SealedFile} from "./sealedFile.ts";
import {type SealOptions, sealSecrets, unsealSecrets} from "./sealedSecrets.ts";

export type OpenedKeystore = {
  readonly keys: NodeKeys;
  /** True from a restore until `markRecovered`: sign nothing before the ledger recovered our logs. */
  readonly isRecovering: boolean;
  readonly isNew: boolean;
};

const GROUP_AND_OTHERS = 0o077;

/** Opens the keystore of a home, or makes one with fresh keys on the first start. */
export async function ensureKeystore(
  path: string,
  passphrase: Uint8Array,
  options: SealOptions = {},
): Promise<OpenedKeystore> {
  if (await exists(path)) return openKeystore(path, passphrase);
  const keys = generateNodeKeys();
  await writeKeystore(path, passphrase, {keys, isRecovering: false, ...options});
  return {keys, isRecovering: false, isNew: true};
}

/** Throws `PASSPHRASE_WRONG`, `KEYSTORE_INVALID` or `SCHEMA_NEWER`. */
export async function openKeystore(path: string, passphrase: Uint8Array): Promise<OpenedKeystore> {
  const file = await readKeystore(path);
  const secrets = await unsealSecrets(file.sealed, passphrase);
  if (!isNodeKeys(secrets)) throw new CodedError("KEYSTORE_INVALID", {evidence: {reason: "keys"}});
  return {keys: secrets, isRecovering: file.isRecovering, isNew: false};
}

export type WriteKeystoreInput = SealOptions & {readonly keys: NodeKeys; readonly isRecovering: boolean};

/** Replaces the keystore. */
export async function writeKeystore(
  path: string,
  passphrase: Uint8Array,
  {keys, isRecovering, ...options}: WriteKeystoreInput,
): Promise<void> {
  const sealed = await sealSecrets(keys, passphrase, options);
  await replace(path, {format: "ctz-keystore", isRecovering, sealed});
}

/** The ledger has recovered our logs: from now on this home may sign. Needs no passphrase. */
export async function markRecovered(path: string): Promise<void> {
  const file = await readKeystore(path);
  if (file.isRecovering) await replace(path, {...file, isRecovering: false});
}

async function readKeystore(path: string): Promise<SealedFile> {
  let bytes: Uint8Array;
  try {
    const {size, mode} = await stat(path);
    if (size > SEALED_FILE_BYTES_MAX) throw new Error("too large");
    if ((mode & GROUP_AND_OTHERS) !== 0) await chmod(path, 0o600);
    bytes = await readFile(path);
  } catch (cause) {
    throw new CodedError("KEYSTORE_INVALID", {message: `Cannot read ${path}.`, cause});
  }
  return decodeSealedFile(bytes, "ctz-keystore");
}

async function replace(path: string, file: SealedFile): Promise<void> {
  try {
    await writePrivateFile(path, encodeSealedFile(file));
  } catch (cause) {
    const isFull = /ENOSPC|EDQUOT/.test((cause as NodeJS.ErrnoException).code ?? "");
    throw new CodedError(isFull ? "STORE_FULL" : "HOME_INVALID", {message: `Cannot write ${path}.`, cause});
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw new CodedError("HOME_INVALID", {message: `Cannot read ${path}.`, cause});
  }
}
