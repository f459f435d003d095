/**
 * A backup holds keys and exit proofs, never the signing table: an old table is how a witness equivocates.
 * A restored home is marked as recovering and signs nothing until the ledger has its logs again.
 */
import {access} from "node:fs/promises";
import {CodedError} from "@catalyze/core/errors/codedError";
import {writeKeystore} from "./keystore.ts";
import {isNodeKeys, type NodeKeys} from "./nodeKeys.ts";
import {decodeSealedFile, encodeSealedFile} from "./sealedFile.ts";
import {type SealOptions, sealSecrets, unsealSecrets} from "./sealedSecrets.ts";

export type Backup = {
  readonly keys: NodeKeys;
  /** As the ledger keeps them; empty when there are none yet. */
  readonly exitProofs: Uint8Array;
};

const PROOFS = "exitProofs";

/** The bytes of a backup file, under the passphrase. */
export async function exportBackup(
  {keys, exitProofs}: Backup,
  passphrase: Uint8Array,
  options: SealOptions = {},
): Promise<Uint8Array> {
  const sealed = await sealSecrets({...keys, [PROOFS]: exitProofs}, passphrase, options);
  return encodeSealedFile({format: "ctz-backup", isRecovering: true, sealed});
}

/** Throws `PASSPHRASE_WRONG`, `KEYSTORE_INVALID` or `SCHEMA_NEWER`. */
export async function importBackup(bytes: Uint8Array, passphrase: Uint8Array): Promise<Backup> {
  const file = decodeSealedFile(bytes, "ctz-backup");
  const {[PROOFS]: proofs, ...keys} = await unsealSecrets(file.sealed, passphrase);
  if (proofs === undefined || !isNodeKeys(keys)) {
    throw new CodedError("KEYSTORE_INVALID", {evidence: {reason: "backup"}});
  }
  return {keys, exitProofs: proofs};
}

/** Writes the keystore of a restored home, marked as recovering. Never replaces one that is there. */
export async function restoreKeystore(
  path: string,
  passphrase: Uint8Array,
  {keys, ...options}: {readonly keys: NodeKeys} & SealOptions,
): Promise<void> {
  if (await isThere(path)) {
    throw new CodedError("HOME_INVALID", {message: `${path} is already there; restore into an empty home.`});
  }
  await writeKeystore(path, passphrase, {keys, isRecovering: true, ...options});
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
