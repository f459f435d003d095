/**
 * Secrets under a passphrase: one scrypt derivation gives an encryption key and a check value; each
 * secret is sealed alone with AES-256-GCM under its name. The check tells a wrong passphrase from damaged
 * bytes without opening anything.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import {CodedError} from "@catalyze/core/errors/codedError";
import {isRecord} from "@catalyze/core/primitives/canonicalJson";

/** N = 2^17, r = 8, p = 1: 128 MiB and about half a second for each guess. */
const COST_LOG2 = 17;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
/** A file may ask for at most this much work, so that a damaged one cannot take the machine's memory. */
const COST_LOG2_MAX = 20;
const SECRETS_MAX = 16;
const SECRET_BYTES_MAX = 4 * 1024 * 1024;

export type SealedSecrets = {
  readonly kdf: {
    readonly name: "scrypt";
    readonly costLog2: number;
    readonly r: number;
    readonly p: number;
    /** Hex. */
    readonly salt: string;
  };
  /** Hex; equal only for the right passphrase. */
  readonly check: string;
  /** nonce 12 ‖ ciphertext ‖ tag 16, in base64, by name. */
  readonly secrets: Readonly<Record<string, string>>;
};

export type SealOptions = {
  /** For tests: a lower cost than the real one. */
  readonly costLog2?: number;
};

/** Seals the secrets with a new salt. */
export async function sealSecrets(
  secrets: Readonly<Record<string, Uint8Array>>,
  passphrase: Uint8Array,
  {costLog2 = COST_LOG2}: SealOptions = {},
): Promise<SealedSecrets> {
  const salt = randomBytes(32);
  const kdf = {
    name: "scrypt",
    costLog2,
    r: BLOCK_SIZE,
    p: PARALLELIZATION,
    salt: salt.toString("hex"),
  } as const;
  const derived = await derive(passphrase, kdf);
  try {
    const entries = Object.entries(secrets).map(([name, secret]) => [name, sealOne(name, secret, derived)]);
    return {kdf, check: checkOf(derived).toString("hex"), secrets: Object.fromEntries(entries)};
  } finally {
    derived.fill(0);
  }
}

/** Throws `PASSPHRASE_WRONG`, or `KEYSTORE_INVALID` when the passphrase is right and the bytes are not. */
export async function unsealSecrets(
  sealed: SealedSecrets,
  passphrase: Uint8Array,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const derived = await derive(passphrase, sealed.kdf);
  try {
    if (!timingSafeEqual(checkOf(derived), Buffer.from(sealed.check, "hex"))) {
      throw new CodedError("PASSPHRASE_WRONG");
    }
    const entries = Object.entries(sealed.secrets).map(([name, box]) => [name, openOne(name, box, derived)]);
    return Object.fromEntries(entries);
  } finally {
    derived.fill(0);
  }
}

/** The value as sealed secrets; throws `KEYSTORE_INVALID` on anything else. */
export function parseSealed(value: unknown): SealedSecrets {
  if (!isRecord(value) || !isRecord(value["kdf"]) || !isRecord(value["secrets"])) return invalid("shape");
  const {kdf, check, secrets} = value;
  if (!isHex32(check) || !isHex32(kdf["salt"]) || kdf["name"] !== "scrypt") return invalid("fields");
  const {costLog2, r, p} = kdf;
  if (!isWithin(costLog2, 10, COST_LOG2_MAX) || r !== BLOCK_SIZE || p !== PARALLELIZATION)
    return invalid("kdf");
  const boxes = Object.entries(secrets);
  if (boxes.length < 1 || boxes.length > SECRETS_MAX) return invalid("count");
  for (const [, box] of boxes) {
    if (typeof box !== "string" || !/^[A-Za-z0-9+/]{38,}={0,2}$/.test(box)) return invalid("secret");
    if (box.length > SECRET_BYTES_MAX * 1.5) return invalid("secretLength");
  }
  return {
    kdf: {name: "scrypt", costLog2, r, p, salt: kdf["salt"]},
    check,
    secrets: Object.fromEntries(boxes) as Record<string, string>,
  };
}

/** Off the event loop: half a second of scrypt must not stop the API. */
function derive(passphrase: Uint8Array, {costLog2, r, p, salt}: SealedSecrets["kdf"]): Promise<Buffer> {
  const cost = 2 ** costLog2;
  return new Promise((resolve, reject) => {
    const options = {N: cost, r, p, maxmem: 128 * r * (cost + p + 2)};
    scrypt(passphrase, Buffer.from(salt, "hex"), 64, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

function checkOf(derived: Buffer): Buffer {
  return createHash("sha256").update("ctz-keystore-check\0").update(derived.subarray(32)).digest();
}

function sealOne(name: string, secret: Uint8Array, derived: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", derived.subarray(0, 32), nonce);
  cipher.setAAD(aadOf(name));
  const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString("base64");
}

function openOne(name: string, box: string, derived: Buffer): Uint8Array {
  const bytes = Buffer.from(box, "base64");
  if (bytes.length < 28) return invalid("secret");
  const options = {authTagLength: 16};
  const decipher = createDecipheriv("aes-256-gcm", derived.subarray(0, 32), bytes.subarray(0, 12), options);
  decipher.setAAD(aadOf(name));
  decipher.setAuthTag(bytes.subarray(bytes.length - 16));
  try {
    const opened = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    return new Uint8Array(opened);
  } catch (cause) {
    throw new CodedError("KEYSTORE_INVALID", {cause, evidence: {reason: "secretDamaged", name}});
  }
}

function aadOf(name: string): Buffer {
  return Buffer.from(`ctz-key\0${name}`, "utf8");
}

function isHex32(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

function invalid(reason: string): never {
  throw new CodedError("KEYSTORE_INVALID", {evidence: {reason}});
}
