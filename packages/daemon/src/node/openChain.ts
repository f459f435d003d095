/** The settlement chain of a node, when its home has one configured. */
import type {ChainDoor} from "../facade/chainDoor.ts";
import type {Service} from "./runningNode.ts";

export type OpenedChain = {readonly service: Service; readonly door: ChainDoor; isReachable(): boolean};

export async function openChain(_input: unknown): Promise<OpenedChain | undefined> {
  return undefined;
}
