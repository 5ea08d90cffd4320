import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
/** The version that everything under `adapters/kafka` was measured against. */
const WRITTEN_FOR = '2.2.4';

interface RequestQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests?: () => void;
}

/**
 * A part of the client that it does not export; what it is, the caller knows.
 *
 * @throws TypeError where the client has another version than the one this was written for
 */
export function internal(path: string): unknown {
  const installed: unknown = require('kafkajs/package.json');
  const version = installed instanceof Object && 'version' in installed ? installed.version : undefined;
  if (version !== WRITTEN_FOR) {
    throw new TypeError(`kafkajs ${String(version)}: what reaches into it was written for ${WRITTEN_FOR}`);
  }
  return require(`kafkajs/src/${path}`);
}

/**
 * After its first reply every connection of the client arms a timer of 1 ms again and again, for ever: 3 % of a core
 * for one idle producer, and a TimeoutNegativeWarning. Patched, a timer runs only while a request waits for its turn.
 */
export function patchTimers(): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- held by the version and by the check below
  const { prototype } = internal('network/requestQueue') as { prototype: RequestQueue };
  if (typeof prototype.scheduleCheckPendingRequests !== 'function') {
    throw new TypeError('kafkajs: the request queue has no scheduleCheckPendingRequests');
  }
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const check = (): void => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    };
    this.throttleCheckTimeoutId = setTimeout(check, Math.max(10, this.throttledUntil - Date.now()));
  };
}

interface Connection {
  connect(): Promise<unknown>;
}

let connectsPatched = false;

/**
 * Requests that find a connection closed each open one, and all but the last of these sockets are forgotten: nobody
 * closes them, and the process never ends. Patched, those that come meanwhile wait for the first.
 */
export function patchConnects(): void {
  if (connectsPatched) return;
  connectsPatched = true;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- held by the version and by the check below
  const { prototype } = internal('network/connection') as { prototype: Connection };
  const connect: unknown = Reflect.get(prototype, 'connect');
  if (typeof connect !== 'function') throw new TypeError('kafkajs: a connection has no connect');
  const connecting = new WeakMap<Connection, Promise<unknown>>();
  prototype.connect = async function once(this: Connection) {
    const there = connecting.get(this);
    if (there !== undefined) return await there;
    const mine = Promise.resolve(Reflect.apply(connect, this, []));
    connecting.set(this, mine);
    try {
      return await mine;
    } finally {
      connecting.delete(this);
    }
  };
}
