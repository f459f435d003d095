/** Ids of assets and of what accounts hold of them. */
import {hashHex} from "../crypto/sha256.ts";
import {fromHex} from "../primitives/bytes.ts";
import type {AccountId, AssetId, HoldingId, OpId} from "../primitives/id.ts";

const TAG_ASSET = Uint8Array.of(0x49);
const TAG_HOLDING = Uint8Array.of(0x48);

/** SHA256(0x49 ‖ id of the `issue` op). */
export function assetIdOf(opId: OpId): AssetId {
  return hashHex(TAG_ASSET, fromHex(opId)) as string as AssetId;
}

/** SHA256(0x48 ‖ account ‖ asset). */
export function holdingIdOf(account: AccountId, asset: AssetId): HoldingId {
  return hashHex(TAG_HOLDING, fromHex(account), fromHex(asset)) as string as HoldingId;
}
