/** Imports point left only: `proto ← core ← {contracts, api} ← daemon ← cli`. */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {describe, expect, it} from "vitest";
import {PACKAGES, productSources, ROOT} from "./sources.ts";

const MAY_IMPORT: Record<string, readonly string[]> = {
  proto: [],
  core: ["proto"],
  contracts: ["proto", "core"],
  api: ["proto", "core"],
  daemon: ["proto", "core", "contracts", "api"],
  cli: ["proto", "core", "contracts", "api", "daemon"],
};

/** Folders of the daemon that adapt one outside thing each: they know ports, not each other. */
const ADAPTERS = ["blobs", "chain", "exec", "home", "identity", "net", "observe", "runtime", "store"];

/** Wider than a folder's own: which library may be imported where. */
const VENDOR_ROOM: Record<string, readonly string[]> = {
  level: ["packages/daemon/src/store/"],
  "sodium-native": ["packages/daemon/src/identity/"],
  "onnxruntime-node": ["packages/daemon/src/exec/"],
  pngjs: ["packages/daemon/src/exec/"],
  libp2p: ["packages/daemon/src/net/"],
  "@chainsafe/libp2p-gossipsub": ["packages/daemon/src/net/"],
  fastify: ["packages/daemon/src/http/"],
  pino: ["packages/daemon/src/observe/"],
  "prom-client": ["packages/daemon/src/observe/"],
  yargs: ["packages/cli/src/"],
  viem: ["packages/contracts/src/", "packages/daemon/src/chain/"],
  "@noble/ed25519": ["packages/core/src/crypto/"],
  "@noble/hashes": ["packages/core/src/"],
};

function folderOf(path: string): string | undefined {
  return /^packages\/daemon\/src\/([^/]+)\//.exec(path)?.[1];
}

function targetFolder(path: string, specifier: string): string | undefined {
  if (specifier.startsWith("@catalyze/daemon/")) return specifier.split("/")[2];
  if (!specifier.startsWith("../")) return undefined;
  return folderOf(new URL(specifier, `file:///${path}`).pathname.slice(1));
}

describe("layers", () => {
  it("packages import one way only", () => {
    const wrong = productSources.flatMap(({path, imports}) => {
      const own = path.split("/")[1] ?? "";
      return imports
        .filter((name) => name.startsWith("@catalyze/"))
        .map((name) => name.split("/")[1] ?? "")
        .filter((name) => name !== own && !MAY_IMPORT[own]?.includes(name))
        .map((name) => `${path} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it("adapters of the daemon do not import each other", () => {
    const wrong = productSources.flatMap(({path, imports}) => {
      const own = folderOf(path);
      if (own === undefined || !ADAPTERS.includes(own)) return [];
      return imports
        .map((name) => targetFolder(path, name))
        .filter((folder) => folder !== undefined && folder !== own && ADAPTERS.includes(folder))
        .map((folder) => `${path} imports ${folder}`);
    });
    expect(wrong).toEqual([]);
  });

  it("the pipeline and the ledger shell see ports, never adapters", () => {
    const wrong = productSources.flatMap(({path, imports}) => {
      const own = folderOf(path);
      if (own !== "pipeline" && own !== "ledger") return [];
      const adapters = imports.filter((name) => ADAPTERS.includes(targetFolder(path, name) ?? ""));
      const vendors = imports.filter((name) => name.startsWith("node:") || Object.hasOwn(VENDOR_ROOM, name));
      return [...adapters, ...vendors].map((name) => `${path} imports ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it("a vendor library is imported in one room", () => {
    const wrong = productSources.flatMap(({path, imports}) =>
      imports.flatMap((name) => {
        const vendor = Object.keys(VENDOR_ROOM).find((key) => name === key || name.startsWith(`${key}/`));
        if (vendor === undefined) return [];
        return VENDOR_ROOM[vendor]?.some((room) => path.startsWith(room)) ? [] : [`${path} imports ${name}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it("a package declares what it imports, and imports what it declares", () => {
    const wrong = PACKAGES.flatMap((name) => {
      const own = productSources.filter(({path}) => path.startsWith(`packages/${name}/src/`));
      const used = new Set(own.flatMap(({imports}) => imports.map(packageOf)).filter((each) => each !== ""));
      used.delete(`@catalyze/${name}`);
      const manifest = readFileSync(join(ROOT, `packages/${name}/package.json`), "utf8");
      const declared = new Set(Object.keys(JSON.parse(manifest).dependencies ?? {}));
      // Generated code is not among the sources.
      if (name === "proto") used.add("@bufbuild/protobuf");
      return [
        ...[...used].filter((each) => !declared.has(each)).map((each) => `${name} does not declare ${each}`),
        ...[...declared].filter((each) => !used.has(each)).map((each) => `${name} does not import ${each}`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("no import cycles, types included", () => {
    const known = new Set(productSources.map(({path}) => path));
    const edges = new Map(
      productSources.map(({path, imports}) => [
        path,
        imports
          .map((name) => resolveImport(path, name))
          .filter((target): target is string => target !== undefined && known.has(target)),
      ]),
    );
    expect(findCycle(edges)).toEqual([]);
  });
});

/** Of a bare specifier; empty for a path or a part of the platform. */
function packageOf(specifier: string): string {
  if (/^(?:\.|node:)/.test(specifier)) return "";
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function resolveImport(path: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return new URL(specifier, `file:///${path}`).pathname.slice(1);
  const own = /^@catalyze\/([^/]+)\/(.+)$/.exec(specifier);
  return own === null ? undefined : `packages/${own[1]}/src/${own[2]}.ts`;
}

/** The first cycle found, as a path of files; empty when there is none. */
function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const stack: string[] = [];
  const visit = (node: string): string[] => {
    const at = stack.indexOf(node);
    if (at >= 0) return [...stack.slice(at), node];
    if (done.has(node)) return [];
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle.length > 0) return cycle;
    }
    stack.pop();
    done.add(node);
    return [];
  };
  for (const node of edges.keys()) {
    const cycle = visit(node);
    if (cycle.length > 0) return cycle;
  }
  return [];
}
