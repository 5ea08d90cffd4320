import { X509Certificate } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { CallsealError } from '../domain/errors.ts';
import type { Closable } from './closing.ts';

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Asked for with GET or HEAD, without anything of the request: what nobody reads cannot be reflected. */
export type Route = () => Page | Promise<Page>;

/** PEM texts. Whoever has no certificate of `ca` is refused before a request is read. */
export interface MutualTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  /** The setting that asked for it, for sentences of failures. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly routes: Readonly<Record<string, Route>>;
  readonly tls?: MutualTls | undefined;
  /**
   * Answers only to a Host header that names this machine. Without TLS a page in an operator's browser could
   * otherwise read what is on loopback, by a DNS name of its own that turns to 127.0.0.1.
   */
  readonly onlyLoopbackNames?: boolean;
  /** How long a client may take to ask. */
  readonly patienceMs?: number;
  /** More than so many at once are closed as they come. */
  readonly mostConnections?: number;
}

export interface Listening extends Closable {
  readonly port: number;
}

const PATIENCE_MS = 5_000;
const MOST_CONNECTIONS = 32;

/** A slow or idle client costs a socket for a few seconds, and there are only so many sockets. */
function bounds(patienceMs: number): ServerOptions {
  return {
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    keepAliveTimeout: patienceMs,
    connectionsCheckingInterval: patienceMs / 5,
    maxHeaderSize: 8 * 1024,
  };
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/**
 * Serves fixed pages until it is closed.
 *
 * @throws CallsealError BAD_CONFIG - the address is taken, is not this machine's, or the TLS files do not fit
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { patienceMs = PATIENCE_MS, mostConnections = MOST_CONNECTIONS } = options;
  const server = makeServer(options, patienceMs);
  server.maxConnections = mostConnections;
  // For who asks and does not read: the other bounds end with the request.
  server.timeout = 2 * patienceMs;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: options.host, port: options.port }, resolve);
  await promise.catch((cause: unknown) => {
    throw cannotListen(options, cause);
  });
  server.off('error', reject);
  // After it listens, a failed accept (no descriptors left) costs that client its answer and nothing else.
  server.on('error', () => undefined);
  // Probes must never hold a process that has nothing else to do.
  server.unref();
  const at = server.address();
  return {
    name: options.name,
    port: typeof at === 'object' && at !== null ? at.port : options.port,
    close: async () => await closed(server),
  };
}

function makeServer(
  { name, tls, routes, onlyLoopbackNames = false }: ListenOptions,
  patienceMs: number,
): Server {
  const listener: RequestListener = (request, response) => {
    void answer(request, response, routes, onlyLoopbackNames);
  };
  if (!tls) return createServer(bounds(patienceMs), listener);
  try {
    // An empty file would otherwise mean every authority that Node.js ships.
    void new X509Certificate(tls.ca);
    return createTlsServer(
      {
        ...bounds(patienceMs),
        ...tls,
        minVersion: 'TLSv1.3',
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout: patienceMs,
      },
      listener,
    );
  } catch {
    // No cause on purpose: it may quote the key file.
    throw new CallsealError(
      'BAD_CONFIG',
      `${name}: the files of ops.tls are no authority, certificate and its key`,
    );
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ListenOptions['routes'],
  onlyLoopbackNames: boolean,
): Promise<void> {
  const { status, type, body } = await pageFor(request, routes, onlyLoopbackNames);
  response.writeHead(status, {
    ...HEADERS,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    // A client that was refused may have more to say; nobody is going to read it.
    ...(status >= 400 && status < 500 && { connection: 'close' }),
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function pageFor(
  { method, url = '', headers }: IncomingMessage,
  routes: ListenOptions['routes'],
  onlyLoopbackNames: boolean,
): Promise<Page> {
  if (onlyLoopbackNames && !namesLoopback(headers.host ?? '')) return plain(421, 'ask for localhost');
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'GET or HEAD only');
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    return plain(400, 'no body is wanted');
  }
  const [path = ''] = url.split('?');
  const route = routes[path];
  if (!route) return plain(404, 'no such page');
  try {
    return await route();
  } catch {
    return plain(500, 'this page cannot be made');
  }
}

export function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

export function json(status: number, body: unknown): Page {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

function namesLoopback(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host);
}

const SENTENCE_OF: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another process',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'is not for this user to listen on',
};

function cannotListen({ name, host, port }: ListenOptions, cause: unknown): CallsealError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const sentence = SENTENCE_OF[code] ?? 'cannot be listened on';
  return new CallsealError('BAD_CONFIG', `${name} ${at} ${sentence}`, {
    cause,
    hint: `give ${name} another address, or null for none`,
  });
}

async function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
