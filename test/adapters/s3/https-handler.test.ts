import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { httpsHandler } from '../../../src/adapters/aws/https-handler.ts';

/** Larger than what the sockets on loopback take in without a reader. */
const LARGE = Buffer.alloc(32 * 2 ** 20, 7);

let folder: string;
let cert: Buffer;
let key: Buffer;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-https-'));
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...files, ...name], { stdio: 'ignore' });
  cert = readFileSync(join(folder, 'cert.pem'));
  key = readFileSync(join(folder, 'key.pem'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A TLS server that does with each connection what it is told, and a handler that trusts it. */
async function facing(serve: (socket: TLSSocket) => void, timeout = 10_000) {
  const server = createServer({ cert, key }, (socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new Agent({ ca: cert, keepAlive: true, timeout });
  onTestFinished(() => {
    agent.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const handler = httpsHandler(agent);
  const put = async (body: Buffer, abortSignal?: AbortSignal) => {
    const headers = { 'content-length': String(body.length) };
    const request = {
      protocol: 'https:',
      hostname: 'localhost',
      port,
      method: 'PUT',
      path: '/',
      headers,
      body,
    };
    return (await handler.handle(request, { abortSignal })).response;
  };
  return { agent, put };
}

const openSockets = (agent: Agent): number => Object.values(agent.sockets).flat().length;

test('a large body arrives whole, and its connection is used again', async () => {
  let connections = 0;
  const { agent, put } = await facing((socket) => {
    connections++;
    let received = 0;
    socket.on('data', (bytes: Buffer) => {
      const head = bytes.indexOf('\r\n\r\n');
      received += received === 0 && head >= 0 ? bytes.length - head - 4 : bytes.length;
      if (received < LARGE.length) return;
      received = 0;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
  for (let i = 0; i < 3; i++) expect(await text((await put(LARGE)).body)).toBe('ok');
  expect(connections).toBe(1);
  expect(openSockets(agent)).toBe(0);
});

test('an answer to half a request is read, and settles after the connection is closed', async () => {
  const { agent, put } = await facing((socket) => {
    socket.once('data', () => {
      socket.pause();
      socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nwhy');
    });
  });
  const response = await put(LARGE);
  expect(openSockets(agent)).toBe(0);
  expect([response.statusCode, await text(response.body)]).toEqual([403, 'why']);
});

test('an abort settles after the connection is closed', async () => {
  const stop = new AbortController();
  const { agent, put } = await facing((socket) => {
    socket.once('data', () => {
      socket.pause();
      stop.abort(new Error('enough'));
    });
  });
  await expect(put(LARGE, stop.signal)).rejects.toThrow('enough');
  expect(openSockets(agent)).toBe(0);
});

test('a connection that is cut settles with a code', async () => {
  const { put } = await facing((socket) => socket.once('data', () => socket.destroy()));
  await expect(put(LARGE)).rejects.toHaveProperty('code');
});

test('a connection on which nothing moves settles with a code', async () => {
  const { put } = await facing((socket) => socket.once('data', () => socket.pause()), 100);
  await expect(put(LARGE)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('a handshake that is never answered settles with a code', async () => {
  const silent = createTcpServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const agent = new Agent({ timeout: 100 });
  onTestFinished(() => {
    agent.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const request = { protocol: 'https:', hostname: 'localhost', port, method: 'GET', path: '/', headers: {} };
  await expect(httpsHandler(agent).handle(request)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('plaintext is refused, and so is a body that cannot be sent twice', async () => {
  const handler = httpsHandler(new Agent());
  const request = { protocol: 'http:', hostname: 'localhost', method: 'GET', path: '/', headers: {} };
  await expect(handler.handle(request)).rejects.toThrow(/https only/);
  const stream = { ...request, protocol: 'https:', body: (async function* () {})() };
  await expect(handler.handle(stream)).rejects.toThrow(/Buffer or a string/);
});
