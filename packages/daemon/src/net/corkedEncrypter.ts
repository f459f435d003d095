/**
 * An encrypter whose socket sends once a turn of the event loop. The libraries hand the socket each frame
 * in two pieces, and a frame more for every window update: one by one that is 25 packets and system calls
 * a task on each side. Corked, all that one turn has to say leaves together.
 */
import type {ConnectionEncrypter, MessageStream} from "@libp2p/interface";

type Corkable = {
  readonly writableLength: number;
  cork(): void;
  uncork(): void;
  write(...args: readonly unknown[]): boolean;
};

/** Bulk data does not wait: a socket that holds this much is full anyway. */
const HELD_BYTES_MAX = 16 * 1024;

/** Whoever opens a connection through this encrypter writes once a turn. */
export function corkedEncrypter<Components>(
  create: (components: Components) => ConnectionEncrypter,
): (components: Components) => ConnectionEncrypter {
  return (components) => {
    const encrypter = create(components);
    const {secureInbound, secureOutbound} = encrypter;
    encrypter.secureInbound = async (connection, options) => {
      corkTurns(connection);
      return await secureInbound.call(encrypter, connection, options);
    };
    encrypter.secureOutbound = async (connection, options) => {
      corkTurns(connection);
      return await secureOutbound.call(encrypter, connection, options);
    };
    return encrypter;
  };
}

function corkTurns(connection: MessageStream): void {
  const socket = socketOf(connection);
  // Other transports, and versions that keep their socket elsewhere, go on as they are.
  if (socket === undefined) return;
  const write = socket.write.bind(socket);
  let pending: NodeJS.Immediate | undefined;
  const flush = () => {
    clearImmediate(pending);
    pending = undefined;
    socket.uncork();
  };
  socket.write = (...args) => {
    if (pending === undefined) {
      pending = setImmediate(flush);
      socket.cork();
    }
    const hasRoom = write(...args);
    if (socket.writableLength >= HELD_BYTES_MAX) flush();
    return hasRoom;
  };
}

/** The TCP transport keeps it under this name, which its types do not show. */
function socketOf(connection: MessageStream): Corkable | undefined {
  const {socket} = connection as {readonly socket?: Partial<Corkable>};
  return typeof socket?.cork === "function" && typeof socket.write === "function"
    ? (socket as Corkable)
    : undefined;
}
