import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * What happens to a request:
 *
 *   pass         it goes to the store, its answer back
 *   cut          the first `bytes` of its body go to the store, then both connections are closed
 *   hang         the first `bytes` of its body go to the store, then nothing moves until the client leaves
 *   drop-request the connection is closed, the store hears nothing
 *   drop-reply   the store does it all, then the connection is closed without its answer
 *   cut-reply    the first `bytes` of the answer's body come back, then the connection is closed
 *   hide-range   the answer comes back with status 200 and does not say which range it is
 *   answer       the store hears nothing; an answer of this status and S3 error code
 */
export type Fate =
  | { readonly do: 'pass' | 'drop-request' | 'drop-reply' | 'hide-range' }
  | { readonly do: 'cut' | 'hang' | 'cut-reply'; readonly bytes: number }
  | { readonly do: 'answer'; readonly status: number; readonly code: string };

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A TLS server before a store that decides the fate of each request. The client's signature stays as it is. */
export interface CuttingProxy {
  readonly endpoint: string;
  readonly seen: readonly SeenRequest[];
  /** Resolves when a request hangs. */
  readonly hanging: Promise<void>;
  close(): Promise<void>;
}

const PASS: Fate = { do: 'pass' };

export async function cuttingProxy(
  backend: string,
  tls: { readonly ca: string; readonly cert: string; readonly key: string },
  fateOf: (request: SeenRequest, before: readonly SeenRequest[]) => Fate | undefined,
): Promise<CuttingProxy> {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(tls.ca) });
  const seen: SeenRequest[] = [];
  const hanging = Promise.withResolvers<void>();
  const { hostname, port } = new URL(backend);

  const handle = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = from;
    const fate = fateOf({ method, url, headers }, seen) ?? PASS;
    seen.push({ method, url, headers });
    if (fate.do === 'drop-request') return void from.socket.destroy();
    if (fate.do === 'answer') return await refuse(from, to, fate);
    const forward = request({ agent, hostname, port, method, path: url, headers });
    forward.on('error', () => from.socket.destroy());
    // Not of the socket: the client keeps it for its next request.
    to.on('close', () => to.writableFinished || forward.destroy());
    if (fate.do === 'cut' || fate.do === 'hang') {
      await sendSome(from, forward, fate.bytes);
      if (fate.do === 'hang') return hanging.resolve();
      forward.destroy();
      return void from.socket.destroy();
    }
    const answered = once(forward, 'response') as Promise<[IncomingMessage]>;
    from.pipe(forward);
    const [answer] = await answered;
    await giveBack(answer, to, fate);
  };

  const server = createServer(
    { cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
    (from, to) => void handle(from, to).catch(() => from.socket.destroy()),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `https://localhost:${(server.address() as AddressInfo).port}`,
    seen,
    hanging: hanging.promise,
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function refuse(from: IncomingMessage, to: ServerResponse, fate: { status: number; code: string }) {
  await buffer(from);
  to.writeHead(fate.status, { 'content-type': 'application/xml' });
  to.end(`<?xml version="1.0"?><Error><Code>${fate.code}</Code><Message>as told</Message></Error>`);
}

async function sendSome(from: IncomingMessage, forward: ReturnType<typeof request>, bytes: number) {
  let left = bytes;
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    forward.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) return;
  }
}

async function giveBack(answer: IncomingMessage, to: ServerResponse, fate: Fate): Promise<void> {
  if (fate.do === 'drop-reply') {
    await buffer(answer);
    to.socket?.destroy();
    return;
  }
  const { 'content-range': range, ...headers } = answer.headers;
  if (fate.do === 'hide-range') to.writeHead(200, headers);
  else
    to.writeHead(answer.statusCode ?? 0, {
      ...headers,
      ...(range !== undefined && { 'content-range': range }),
    });
  if (fate.do !== 'cut-reply') return void answer.pipe(to);
  const body = await buffer(answer);
  to.write(body.subarray(0, fate.bytes), () => to.socket?.destroy());
}
