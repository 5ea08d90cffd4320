import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket as ServerSide, type TLSSocket } from 'node:tls';

/**
 * What becomes of the next COMMIT that comes by:
 *
 *   lost    the server does it; when it has answered, the client's connection is closed without its answer
 *   unsent  the server never hears of it; both connections are closed
 */
export type CommitFate = 'lost' | 'unsent';

/** A TLS server before PostgreSQL, with its certificate, so that even channel binding holds. */
export interface PostgresProxy {
  readonly port: number;
  /** Arms the proxy; COMMITs pass again afterwards. */
  meetNextCommit(fate: CommitFate): void;
  /** Closes every connection there is. */
  cut(): void;
  close(): Promise<void>;
}

interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The packet by which a client asks for TLS: its length, and a number that is no protocol version. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const QUERY = 'Q'.charCodeAt(0);

export async function postgresProxy(
  server: { host: string; port: number },
  tls: Tls,
): Promise<PostgresProxy> {
  const files = { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
  const open = new Set<Socket>();
  let fate: CommitFate | undefined;

  const handle = async (raw: Socket): Promise<void> => {
    const backend = await startTls(server, files.ca);
    await once(raw, 'data'); // SSL_REQUEST
    raw.write('S');
    const client = new ServerSide(raw, { isServer: true, cert: files.cert, key: files.key });
    for (const socket of [client, backend]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open.delete(socket);
        for (const other of [client, backend]) other.destroy();
      });
    }
    let answerIsLost = false;
    backend.on('data', (answer: Buffer) => {
      if (!answerIsLost) client.write(answer);
      else if (answer.includes('COMMIT\0')) client.destroy();
    });
    const split = splitter();
    client.on('data', (chunk: Buffer) => {
      for (const message of split(chunk)) {
        const met = isCommit(message) ? fate : undefined;
        if (met !== undefined) fate = undefined;
        if (met === 'unsent') return void client.destroy();
        answerIsLost ||= met === 'lost';
        backend.write(message);
      }
    });
  };

  const listener = createServer((raw) => {
    raw.on('error', () => undefined);
    void handle(raw).catch(() => raw.destroy());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    meetNextCommit: (next) => {
      fate = next;
    },
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

async function startTls({ host, port }: { host: string; port: number }, ca: Buffer): Promise<TLSSocket> {
  const raw = connect(port, '127.0.0.1');
  raw.write(SSL_REQUEST);
  await once(raw, 'data'); // 'S'
  const secure = connectTls({ socket: raw, ca, servername: host });
  await once(secure, 'secureConnect');
  return secure;
}

/** Cuts the client's stream into messages. The first one, which says who connects, has no type before its length. */
function splitter(): (chunk: Buffer) => Buffer[] {
  let left = Buffer.alloc(0);
  let typeBytes = 0;
  return (chunk) => {
    left = Buffer.concat([left, chunk]);
    const whole: Buffer[] = [];
    while (left.length >= typeBytes + 4) {
      const length = typeBytes + left.readUInt32BE(typeBytes);
      if (left.length < length) break;
      whole.push(left.subarray(0, length));
      left = left.subarray(length);
      typeBytes = 1;
    }
    return whole;
  };
}

function isCommit(message: Buffer): boolean {
  return message[0] === QUERY && message.subarray(5).toString('latin1').endsWith('commit\0');
}
