/**
 * Who may talk to the API. `Host` stops a web page that rebinds its name to loopback, `Origin` one that
 * posts across sites, the token everybody else on the machine.
 */
import {createHash, timingSafeEqual} from "node:crypto";
import {isIP} from "node:net";
import {CodedError} from "@catalyze/core/errors/codedError";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]", "::1"]);

export type RequestHead = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
};

export type GuardOptions = {readonly apiHost: string; readonly token: string};

export class Guard {
  readonly #apiHost: string;
  readonly #tokenHash: Buffer;
  readonly #isAnyAddress: boolean;

  constructor({apiHost, token}: GuardOptions) {
    this.#apiHost = apiHost;
    this.#tokenHash = sha256(token);
    this.#isAnyAddress = apiHost === "0.0.0.0" || apiHost === "::";
  }

  /** Throws `FORBIDDEN`. For every route, health among them. */
  checkPlace({host, origin}: RequestHead): void {
    if (host === undefined || !this.#isOwnHost(hostName(host))) {
      throw new CodedError("FORBIDDEN", {message: "The Host header names another machine."});
    }
    // Browsers send `Origin: null` from files and sandboxes: never ours.
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new CodedError("FORBIDDEN", {message: "Requests from other origins are refused."});
    }
  }

  /** Throws `UNAUTHORIZED`. Compares hashes: neither content nor length shows in the time it takes. */
  checkToken({authorization}: RequestHead): void {
    const token = /^Bearer ([A-Za-z0-9_-]{1,256})$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || !timingSafeEqual(sha256(token), this.#tokenHash)) {
      throw new CodedError("UNAUTHORIZED");
    }
  }

  #isOwnHost(name: string): boolean {
    if (LOOPBACK.has(name) || name === this.#apiHost) return true;
    return this.#isAnyAddress && isIP(name.replace(/^\[|\]$/g, "")) !== 0;
  }
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
