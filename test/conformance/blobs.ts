/** What the blob adapter promises over any network and any block storage. */
import {create, fromBinary, toBinary} from "@bufbuild/protobuf";
import {CodedError} from "@catalyze/core/errors/codedError";
import type {FetchProgress} from "@catalyze/core/ports/blobs";
import type {Net, StreamHandler} from "@catalyze/core/ports/net";
import type {Cid} from "@catalyze/core/primitives/id";
import type {BlockBlobs} from "@catalyze/daemon/blobs/blockBlobs";
import type {BlockStorage} from "@catalyze/daemon/blobs/blockStorage";
import {BlobFrameSchema} from "@catalyze/proto/gen/catalyze/v1/blob_pb";
import {CID} from "multiformats/cid";
import {describe, expect, it} from "vitest";

const MIB = 1024 * 1024;

export type BlobNode = {readonly blobs: BlockBlobs; readonly net: Net; readonly storage: BlockStorage};

export type BlobSubject = {
  readonly nodes: readonly BlobNode[];
  readonly complete: <T>(work: Promise<T>) => Promise<T>;
  readonly rest: (ms: number) => Promise<void>;
  readonly dispose: () => Promise<void>;
};

/** Bytes of which no two blocks are equal. */
export function contentOf(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let state = seed;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    view.setUint32(at, state);
  }
  return bytes;
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof CodedError ? error.code : `uncoded: ${error}`;
  }
}

/** A peer that answers each wanted block as `answer` says. */
function liar(answer: (cid: string) => {data?: Uint8Array; missing?: boolean; cid?: string}): StreamHandler {
  return async (stream) => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const {body} = fromBinary(BlobFrameSchema, frame);
      if (body.case !== "request") throw new Error("not a request");
      for (const cid of body.value.cids) {
        const value = {cid, ...answer(cid)};
        await stream.send(toBinary(BlobFrameSchema, create(BlobFrameSchema, {body: {case: "reply", value}})));
      }
    }
  };
}

export function blobsConformance(name: string, make: (count: number) => Promise<BlobSubject>): void {
  type Test = (subject: BlobSubject, nodes: [BlobNode, BlobNode, BlobNode]) => Promise<void>;
  const withNodes = async (count: number, run: Test) => {
    const subject = await make(count);
    try {
      await run(subject, subject.nodes as [BlobNode, BlobNode, BlobNode]);
    } finally {
      await subject.dispose();
    }
  };
  const from = (...nodes: BlobNode[]) => ({sources: nodes.map(({net}) => net.self), bytesMax: 64 * MIB});

  describe(`blobs: ${name}`, () => {
    it.each([0, 1, MIB, MIB + 1, 3 * MIB + 17])("keeps %d bytes and names them alike everywhere", (length) =>
      withNodes(2, async ({complete}, [left, right]) => {
        const bytes = contentOf(length);
        const cid = await complete(left.blobs.put(bytes));
        expect(await complete(right.blobs.put(bytes))).toBe(cid);
        expect(Buffer.compare((await complete(left.blobs.get(cid)))!, bytes)).toBe(0);
        expect(await complete(left.blobs.size(cid))).toBe(length);
        expect(await complete(left.blobs.has(cid))).toBe(true);
        expect(await complete(left.blobs.verifyAll(cid))).toBe(true);
      }));

    it("says what is not here, and removes what is", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const cid = await complete(left.blobs.put(contentOf(2 * MIB)));
        expect(await complete(right.blobs.has(cid))).toBe(false);
        expect(await complete(right.blobs.get(cid))).toBeUndefined();
        expect(await complete(right.blobs.size(cid))).toBeUndefined();
        expect(await complete(right.blobs.verifyAll(cid))).toBe(false);
        await complete(left.blobs.remove(cid));
        expect(await complete(left.blobs.has(cid))).toBe(false);
      }));

    it("fetches with progress that ends at the size, and a second time at once", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const bytes = contentOf(5 * MIB + 3);
        const cid = await complete(left.blobs.put(bytes));
        const seen: FetchProgress[] = [];
        const options = {...from(left), onProgress: (progress: FetchProgress) => seen.push(progress)};
        await complete(right.blobs.fetch(cid, options));
        expect(Buffer.compare((await complete(right.blobs.get(cid)))!, bytes)).toBe(0);
        expect(seen.at(-1)).toEqual({bytesDone: bytes.length, bytesTotal: bytes.length});
        expect(seen.map(({bytesDone}) => bytesDone)).toEqual(
          [...seen.map(({bytesDone}) => bytesDone)].sort((a, b) => a - b),
        );
        await complete(right.blobs.fetch(cid, {sources: [], bytesMax: 0}));
      }));

    it("serves two fetches of one blob at the same time", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const cid = await complete(left.blobs.put(contentOf(3 * MIB)));
        await complete(Promise.all([right.blobs.fetch(cid, from(left)), right.blobs.fetch(cid, from(left))]));
        expect(await complete(right.blobs.has(cid))).toBe(true);
      }));

    it("resumes: blocks that are here are not fetched again", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const bytes = contentOf(4 * MIB);
        const cid = await complete(left.blobs.put(bytes));
        const abort = new AbortController();
        let done = 0;
        const first = right.blobs.fetch(cid, {
          ...from(left),
          signal: abort.signal,
          onProgress: ({bytesDone}) => {
            done = bytesDone;
            if (bytesDone >= 2 * MIB) abort.abort(new Error("stopped by the user"));
          },
        });
        expect(await complete(failureOf(first))).toContain("stopped by the user");
        expect(done).toBeLessThan(4 * MIB);
        let again = 0;
        const counted: StreamHandler = counting(left, () => again++);
        left.blobs.stop();
        left.net.handle("blob", counted);
        await complete(right.blobs.fetch(cid, from(left)));
        expect(again).toBeLessThanOrEqual(2);
        expect(Buffer.compare((await complete(right.blobs.get(cid)))!, bytes)).toBe(0);
      }));

    it("says BLOB_NOT_FOUND when nobody has it, when nobody is there, and without a source", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const cid = await complete(left.blobs.put(contentOf(10)));
        await complete(left.blobs.remove(cid));
        expect(await complete(failureOf(right.blobs.fetch(cid, from(left))))).toBe("BLOB_NOT_FOUND");
        expect(await complete(failureOf(right.blobs.fetch(cid, from())))).toBe("BLOB_NOT_FOUND");
        left.blobs.stop();
        expect(await complete(failureOf(right.blobs.fetch(cid, from(left))))).toBe("BLOB_NOT_FOUND");
      }));

    it("drops and charges a peer that sends other bytes, and takes them from an honest one", () =>
      withNodes(3, async ({complete}, [honest, bad, right]) => {
        const bytes = contentOf(3 * MIB);
        const cid = await complete(honest.blobs.put(bytes));
        bad.blobs.stop();
        bad.net.handle(
          "blob",
          liar(() => ({data: contentOf(100)})),
        );
        expect(await complete(failureOf(right.blobs.fetch(cid, from(bad))))).toBe("BLOB_NOT_FOUND");
        expect(await complete(right.blobs.has(cid))).toBe(false);
        await complete(right.blobs.fetch(cid, from(bad, honest)));
        expect(Buffer.compare((await complete(right.blobs.get(cid)))!, bytes)).toBe(0);
      }));

    it("gets by with one honest peer among those that refuse, answer wrongly, or vanish", () =>
      withNodes(3, async ({complete}, [honest, bad, right]) => {
        const attacks: StreamHandler[] = [
          liar(() => ({missing: true})),
          liar(() => ({
            cid: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
            data: contentOf(9),
          })),
          async (stream) => stream.send(new Uint8Array([0xff, 0xff, 0xff])),
          async (stream) => stream.abort(),
          async (stream) => stream.close(),
        ];
        bad.blobs.stop();
        for (const [index, attack] of attacks.entries()) {
          const stop = bad.net.handle("blob", attack);
          const cid = await complete(honest.blobs.put(contentOf(2 * MIB, index + 2)));
          await complete(right.blobs.fetch(cid, from(bad, honest)));
          expect(await complete(right.blobs.verifyAll(cid))).toBe(true);
          stop();
        }
      }));

    it("refuses more bytes than allowed before they come", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const cid = await complete(left.blobs.put(contentOf(4 * MIB)));
        const options = {...from(left), bytesMax: 2 * MIB};
        expect(await complete(failureOf(right.blobs.fetch(cid, options)))).toBe("BLOB_TOO_LARGE");
        const small = await complete(left.blobs.put(contentOf(MIB)));
        expect(await complete(failureOf(right.blobs.fetch(small, {...options, bytesMax: 10})))).toBe(
          "BLOB_TOO_LARGE",
        );
      }));

    it("refuses text that is no content id of ours", () =>
      withNodes(2, async ({complete}, [left]) => {
        for (const text of ["", "x", "../../etc/passwd", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"]) {
          expect(await complete(failureOf(left.blobs.fetch(text as Cid, from())))).toBe("DECODE_INVALID");
        }
      }));

    it("repairs a block that the disk damaged", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const bytes = contentOf(3 * MIB);
        const cid = await complete(left.blobs.put(bytes));
        await complete(right.blobs.fetch(cid, from(left)));
        const leaf = await leafOf(right.storage, cid);
        await right.storage.put(leaf, contentOf(77));
        expect(await complete(failureOf(right.blobs.get(cid)))).toBe("BLOB_CORRUPT");
        expect(await complete(right.blobs.has(cid))).toBe(false);
        await complete(right.blobs.fetch(cid, from(left)));
        expect(Buffer.compare((await complete(right.blobs.get(cid)))!, bytes)).toBe(0);
      }));

    it("hangs up on a client that sends garbage or asks for too much, and serves the next", () =>
      withNodes(2, async ({complete}, [left, right]) => {
        const requests = [
          new Uint8Array([0xff, 0xff]),
          toBinary(
            BlobFrameSchema,
            create(BlobFrameSchema, {body: {case: "request", value: {cids: ["nonsense"]}}}),
          ),
          toBinary(
            BlobFrameSchema,
            create(BlobFrameSchema, {body: {case: "request", value: {cids: Array(100).fill("x")}}}),
          ),
        ];
        // Three faults are below the ban; the peer itself stays connected.
        for (const request of requests.slice(0, 2)) {
          const stream = await complete(right.net.open(left.net.self, "blob"));
          await complete(stream.send(request));
          expect(await complete(failureOf(stream.receive()))).toBe("PEER_UNREACHABLE");
        }
        const cid = await complete(left.blobs.put(contentOf(MIB)));
        await complete(right.blobs.fetch(cid, from(left)));
        expect(await complete(right.blobs.has(cid))).toBe(true);
      }));
  });
}

/** An honest server that counts the leaves it hands out. */
function counting({storage}: BlobNode, count: () => void): StreamHandler {
  return async (stream) => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const {body} = fromBinary(BlobFrameSchema, frame);
      if (body.case !== "request") throw new Error("not a request");
      for (const cid of body.value.cids) {
        const parts: Uint8Array[] = [];
        for await (const part of storage.get(CID.parse(cid))) parts.push(part);
        const data = new Uint8Array(Buffer.concat(parts));
        count();
        await stream.send(
          toBinary(BlobFrameSchema, create(BlobFrameSchema, {body: {case: "reply", value: {cid, data}}})),
        );
      }
    }
  };
}

/** Some leaf of a blob of several. */
async function leafOf(storage: BlockStorage, root: Cid): Promise<CID> {
  const {decode} = await import("@ipld/dag-pb");
  const parts: Uint8Array[] = [];
  for await (const part of storage.get(CID.parse(root))) parts.push(part);
  return decode(Buffer.concat(parts)).Links[1]!.Hash as CID;
}
