/** The keys of a home and what others may know of them. Made on the first start, or by `ctz init`. */
import {accountIdOf} from "@catalyze/core/crypto/accountId";
import type {GenesisWitness} from "@catalyze/core/ledger/genesis";
import {toHex} from "@catalyze/core/primitives/bytes";
import {evmAddressOf} from "../chain/evmAddress.ts";
import type {HomeLayout} from "../home/homePath.ts";
import {ensureKeystore} from "../identity/keystore.ts";
import type {NodeKeys} from "../identity/nodeKeys.ts";
import {readPassphrase} from "../identity/passphrase.ts";
import {createSigner} from "../identity/signatures.ts";
import {peerIdOfKey} from "../net/identity.ts";

export type HomeKeys = {
  readonly keys: NodeKeys;
  readonly passphrase: Uint8Array;
  readonly isPassphraseGenerated: boolean;
  readonly isRecovering: boolean;
  readonly isNew: boolean;
  /** This home as a genesis would list it as a witness, with weight 1. */
  readonly witness: GenesisWitness;
};

/** Throws `PASSPHRASE_WRONG`, `KEYSTORE_INVALID`, `CONFIG_INVALID` or `SCHEMA_NEWER`. */
export async function openHomeKeys(
  layout: HomeLayout,
  env: NodeJS.ProcessEnv = process.env,
): Promise<HomeKeys> {
  const passphrase = await readPassphrase({
    stated: env["CTZ_KEY_PASSPHRASE_FILE"],
    generated: layout.passphrase,
  });
  const {keys, isRecovering, isNew} = await ensureKeystore(layout.keystore, passphrase.bytes);
  return {
    ...{keys, isRecovering, isNew},
    passphrase: passphrase.bytes,
    isPassphraseGenerated: passphrase.isGenerated,
    witness: {
      peerId: peerIdOfKey(createSigner(keys.peer).publicKey),
      voteKey: toHex(createSigner(keys.witness).publicKey),
      evmAddress: evmAddressOf(keys.evm),
      weight: 1,
      account: accountIdOf(createSigner(keys.account).publicKey),
    },
  };
}
