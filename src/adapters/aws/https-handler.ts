import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { Readable } from 'node:stream';

/** Part of the SDK's `HttpRequest` that a request needs. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string | string[] | null>;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

interface SdkResponse {
  readonly statusCode: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

/** The SDK's `HttpHandler`, as far as it is used. */
export interface HttpsHandler {
  readonly metadata: { readonly handlerProtocol: string };
  handle(
    request: SdkRequest,
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly response: SdkResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): Record<string, never>;
  destroy(): void;
}

/** The first write takes the headers along, which costs a copy of it; each further one is encrypted where it lies. */
const FIRST_SLICE = 64 * 1024;
const SLICE = 1024 * 1024;
/** An error document is a few hundred bytes; what is longer is none. */
const MAX_EARLY_ANSWER = 64 * 1024;

/**
 * Sends a request of the AWS SDK over an agent of ours, with three promises that the SDK's own handler does not make:
 *
 *   - a body is a Buffer, sent in slices without a copy and never kept: once `handle` has settled nobody looks at
 *     it any more. It settles after the last slice was handed to the system, or after the socket is closed.
 *   - a connection on which no byte moves for the agent's `timeout` is given up, in the handshake as in the middle.
 *   - plaintext is refused.
 */
export function httpsHandler(agent: Agent): HttpsHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request, { abortSignal } = {}) => ({
      response: await exchange(request, agent, abortSignal instanceof AbortSignal ? abortSignal : undefined),
    }),
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => agent.destroy(),
  };
}

async function exchange(request: SdkRequest, agent: Agent, signal?: AbortSignal): Promise<SdkResponse> {
  signal?.throwIfAborted();
  const body = bodyOf(request);
  const { promise, resolve, reject } = Promise.withResolvers<SdkResponse>();
  const sent = httpsRequest({
    ...addressOf(request),
    method: request.method,
    headers: request.headers,
    agent,
  });
  let refusal: SdkResponse | undefined;
  let failure: unknown;

  const abort = (): void => void sent.destroy(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  sent.on('timeout', () => sent.destroy(coded('ETIMEDOUT', 'no byte moved in time')));
  sent.on('error', (error) => (failure ??= error));
  // Not at `error` and not at the answer: the socket may still look at a slice then.
  sent.on('close', () => {
    signal?.removeEventListener('abort', abort);
    if (refusal) resolve(refusal);
    else reject(failure ?? coded('ECONNRESET', 'the connection was closed without an answer'));
  });
  const sending = send(sent, body);
  sent.on('response', (answer) => {
    if (sending.handedOver()) {
      // Once an answer is complete Node.js does not tell any more when the socket drained.
      sent.end();
      resolve(responseOf(answer, answer));
      return;
    }
    // Half a request was enough to refuse it. The rest is not sent: read why, close, then settle.
    void readRefusal(answer);
  });
  const readRefusal = async (answer: IncomingMessage): Promise<void> => {
    const text = await textOf(answer);
    if ((answer.statusCode ?? 0) >= 300) refusal = responseOf(answer, Readable.from([text]));
    sent.destroy();
  };
  return await promise;
}

/** In slices, each after the one before was handed over. A request that was destroyed simply never drains. */
function send(sent: ClientRequest, body: Uint8Array | string): { handedOver(): boolean } {
  if (typeof body === 'string' || body.length <= FIRST_SLICE) {
    sent.end(body);
    return { handedOver: () => true };
  }
  let at = 0;
  const next = (): void => {
    while (at < body.length) {
      const slice = body.subarray(at, at + (at === 0 ? FIRST_SLICE : SLICE));
      at += slice.length;
      if (!sent.write(slice)) {
        sent.once('drain', next);
        return;
      }
    }
    sent.end();
  };
  next();
  return { handedOver: () => at === body.length };
}

/** Never rejects: half an error document, or none, is an answer by its status. */
async function textOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_EARLY_ANSWER) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks);
}

function addressOf({ protocol, hostname, port, path, query }: SdkRequest): RequestOptions {
  if (protocol !== 'https:') throw new TypeError('an AWS endpoint is spoken to over https only');
  const search = queryString(query ?? {});
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    path: search === '' ? path : `${path}?${search}`,
    ...(port !== undefined && { port }),
  };
}

/** Exactly what the signature was made over: names and values as `encodeURIComponent` and `!'()*` as well. */
function queryString(query: NonNullable<SdkRequest['query']>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null ? escaped(name) : `${escaped(name)}=${escaped(one)}`,
    ),
  );
  return pairs.join('&');
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function bodyOf({ body }: SdkRequest): Uint8Array | string {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new TypeError('a request body is a Buffer or a string');
}

function responseOf(answer: IncomingMessage, body: Readable): SdkResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) headers[name] = [value].flat().join(', ');
  return {
    statusCode: answer.statusCode ?? 0,
    reason: answer.statusMessage ?? '',
    headers,
    body,
  };
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
