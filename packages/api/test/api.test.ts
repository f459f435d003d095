import {CodedError} from "@catalyze/core/errors/codedError";
import fc from "fast-check";
import {Type} from "typebox";
import {describe, expect, it} from "vitest";
import {readEvents} from "../src/client/readEvents.ts";
import {fromErrorReport, toErrorReport} from "../src/errorReport.ts";
import {openApiDocument} from "../src/openApi.ts";
import type {Route} from "../src/route.ts";
import {ROUTES} from "../src/routes.ts";
import {TaskBody} from "../src/schema/task.ts";
import {validate} from "../src/validate.ts";

describe("the route table", () => {
  const rows = Object.entries(ROUTES) as [string, Route][];

  it("has no two rows for one method and path", () => {
    const keys = rows.map(([, {method, path}]) => `${method} ${path.replace(/\{\w+\}/g, "{}")}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("declares every parameter of a path, and asks for the token but for health", () => {
    for (const [name, {path, params, auth}] of rows) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      expect([name, Object.keys(params?.properties ?? {})]).toEqual([name, inPath]);
      expect([name, auth]).toEqual([name, path.startsWith("/api/")]);
    }
  });

  it("makes an OpenAPI document that names every route", () => {
    const document = openApiDocument("1.0.0") as {
      paths: Record<string, Record<string, {operationId: string}>>;
    };
    for (const [name, {path, method}] of rows) {
      expect(document.paths[path]?.[method.toLowerCase()]?.operationId).toBe(name);
    }
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it("names every amount of money …Uctz and makes it a text", () => {
    const wrong: string[] = [];
    const walk = (name: string, schema: unknown): void => {
      if (typeof schema !== "object" || schema === null) return;
      const {properties, items, anyOf} = schema as {
        properties?: Record<string, {type?: string}>;
        items?: unknown;
        anyOf?: unknown[];
      };
      for (const [key, field] of Object.entries(properties ?? {})) {
        if (/price|charge|balance|amount|fee|cost/i.test(key) && field.type === "number")
          wrong.push(`${name}.${key}`);
        if (/price|charge|amount/i.test(key) && field.type === "string" && !key.endsWith("Uctz"))
          wrong.push(`${name}.${key}`);
        if (key.endsWith("Uctz") && field.type !== "string") wrong.push(`${name}.${key}`);
        walk(`${name}.${key}`, field);
      }
      walk(name, items);
      for (const option of anyOf ?? []) walk(name, option);
    };
    for (const [name, {response, body, query}] of rows)
      for (const part of [response, body, query]) walk(name, part);
    expect(wrong).toEqual([]);
  });
});

describe("validate", () => {
  it("accepts or throws REQUEST_INVALID with a field, whatever comes", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        try {
          validate(TaskBody, value, {where: "body"});
        } catch (error) {
          expect(error).toMatchObject({code: "REQUEST_INVALID"});
          expect(String((error as CodedError).evidence["field"])).toMatch(/^body/);
        }
      }),
    );
  });

  it("names nested fields and unknown ones", () => {
    const schema = Type.Object({
      list: Type.Array(Type.Object({n: Type.Integer()}, {additionalProperties: false})),
    });
    const fieldOf = (value: unknown): unknown => {
      try {
        validate(schema, value, {where: "body"});
        return undefined;
      } catch (error) {
        return (error as CodedError).evidence["field"];
      }
    };
    expect(fieldOf({list: [{n: 1}]})).toBeUndefined();
    expect(fieldOf({list: [{n: 1}, {n: "x"}]})).toBe("body.list.1.n");
    expect(fieldOf({list: [{n: 1, m: 2}]})).toBe("body.list.0.m");
    expect(fieldOf({list: [{}]})).toBe("body.list.0.n");
    expect(fieldOf(undefined)).toBe("body");
  });
});

describe("failures over the wire", () => {
  it("come back as they left; a code of another version is said to be unknown", () => {
    const error = new CodedError("QUEUE_FULL", {
      message: "m",
      evidence: {a: 1, b: "x", c: true, d: 5n},
      retryAfterMs: 9,
    });
    const back = fromErrorReport(JSON.parse(JSON.stringify(toErrorReport(error))));
    expect(toErrorReport(back)).toEqual(toErrorReport(error));
    expect(fromErrorReport({...toErrorReport(error), code: "FROM_THE_FUTURE"}).code).toBe(
      "PEER_UNKNOWN_CODE",
    );
  });
});

describe("readEvents", () => {
  const streamOf = (chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });

  it("does not depend on where the stream was cut", async () => {
    const events = [
      {name: "phase", data: {text: "ü\n"}},
      {name: "done", data: [1, 2]},
    ];
    const text = events
      .map(({name, data}) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n: still here\n\n`)
      .join("");
    const bytes = Buffer.from(text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), {maxLength: 8}), async (cuts) => {
        const at = [0, ...[...cuts].sort((left, right) => left - right), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        const seen = [];
        for await (const event of readEvents(streamOf(chunks))) seen.push(event);
        expect(seen).toEqual(events);
      }),
    );
  });

  it("refuses what is not JSON", async () => {
    await expect(async () => {
      for await (const event of readEvents(streamOf([Buffer.from("data: {\n\n")])))
        expect(event).toBeUndefined();
    }).rejects.toMatchObject({code: "DECODE_INVALID"});
  });
});
