import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { answerAdmin } from './admin.ts';
import { answerKms, type Kms } from './kms.ts';

const BODY_LIMIT = 256 * 1024;

export interface Tls {
  readonly certFile: string;
  readonly keyFile: string;
}

/** HTTPS: KMS at `POST /`, the admin endpoint below `/admin/`, and `GET /`, which says what this is. */
export function kmsServer(kms: Kms, tls: Tls): Server {
  const options = {
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    minVersion: 'TLSv1.2',
  } as const;
  const server = createServer(options, (request, response) => {
    answer(kms, request, response).catch(() => response.destroy());
  });
  // Longer than a client's pool keeps a connection: a connection closed under a new request looks like a lost reply.
  server.keepAliveTimeout = 120_000;
  return server;
}

async function answer(kms: Kms, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request;
  const body = await read(request);
  if (body === undefined) return send(response, 413, {}, 'too large\n');
  if (url.startsWith('/admin/')) {
    const reply = answerAdmin(kms.admin, method, url, headers.authorization ?? '', body);
    return send(response, reply.code, { 'content-type': reply.type }, reply.body);
  }
  if (url !== '/') return send(response, 404, {}, 'not found\n');
  if (method === 'GET')
    return send(response, 200, {}, 'KMS stand-in of callseal, for tests only: not a key service\n');
  if (method !== 'POST') return send(response, 405, {}, 'POST only\n');
  const reply = await answerKms(kms, headers, body);
  if (reply === undefined) return void request.socket.destroy();
  const replyHeaders = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': reply.requestId };
  send(response, reply.code, replyHeaders, reply.body);
}

/** The whole body, or undefined when it is larger than any request of KMS. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    if (size > BODY_LIMIT) return undefined;
  }
  return Buffer.concat(parts);
}

function send(response: ServerResponse, code: number, headers: Record<string, string>, body: string): void {
  response.writeHead(code, {
    ...headers,
    'content-length': Buffer.byteLength(body),
    server: 'callseal-kms-stand-in',
  });
  response.end(body);
}
