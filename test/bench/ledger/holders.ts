/** Accounts that only hold money: what makes a state large. */
import {hashHex} from "@catalyze/core/crypto/sha256";
import {utf8} from "@catalyze/core/primitives/bytes";
import type {AccountId} from "@catalyze/core/primitives/id";

export function holders(count: number): AccountId[] {
  return Array.from({length: count}, (_, index) => hashHex(utf8(`holder ${index}`)) as string as AccountId);
}
