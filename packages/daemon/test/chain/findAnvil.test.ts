import {chmod, mkdtemp, rm, writeFile} from "node:fs/promises";
import {tmpdir} from "node:os";
import {join} from "node:path";
import fc from "fast-check";
import {privateKeyToAddress} from "viem/accounts";
import {afterAll, beforeAll, describe, expect, it} from "vitest";
import {evmAddressOf} from "../../src/chain/evmAddress.ts";
import {findAnvil} from "../../src/chain/findAnvil.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ctz tool "));
  await writeFile(join(folder, "anvil"), "#!/bin/sh\n");
  await chmod(join(folder, "anvil"), 0o755);
});
afterAll(() => rm(folder, {recursive: true}));

describe("findAnvil", () => {
  it("takes CTZ_ANVIL, then PATH, then the package", () => {
    const stated = join(folder, "anvil");
    expect(findAnvil({CTZ_ANVIL: stated, PATH: "/nowhere"})).toBe(stated);
    expect(findAnvil({CTZ_ANVIL: "", PATH: `/nowhere:${folder}`})).toBe(stated);
    expect(findAnvil({PATH: "/nowhere"})).toMatch(/@foundry-rs\/anvil-[a-z0-9-]+\/bin\/anvil$/);
  });

  it("says so when the operator names something else", () => {
    expect(() => findAnvil({CTZ_ANVIL: join(folder, "absent")})).toThrow(
      expect.objectContaining({code: "TOOL_MISSING"}),
    );
  });
});

describe("evmAddressOf", () => {
  it("is the well-known address of a well-known key, as a genesis writes it", () => {
    const secret = Buffer.from("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", "hex");
    expect(evmAddressOf(secret)).toBe("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
  });

  it("agrees with the chain's own library on any key", () => {
    fc.assert(
      fc.property(fc.uint8Array({minLength: 32, maxLength: 32}), (secret) => {
        fc.pre(secret.some((byte) => byte !== 0) && secret[0] !== 255);
        const address = privateKeyToAddress(`0x${Buffer.from(secret).toString("hex")}`);
        expect(`0x${evmAddressOf(secret)}`).toBe(address.toLowerCase());
      }),
      {numRuns: 30},
    );
  });
});
