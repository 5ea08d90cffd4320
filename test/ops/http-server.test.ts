import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type ListenOptions, listen, plain } from '../../src/ops/http-server.ts';
import { ask } from './ask.ts';
import { throwawayCa } from './throwaway-ca.ts';

const ROUTES = {
  '/': () => plain(200, 'here'),
  '/broken': () => {
    throw new Error('Word of Wilhelmina');
  },
};

async function listening(more: Partial<ListenOptions> = {}): Promise<number> {
  const opened = await listen({ name: 'ops.admin', host: '127.0.0.1', port: 0, routes: ROUTES, ...more });
  onTestFinished(async () => await opened.close());
  return opened.port;
}

/** A connection that says these bytes and no more. @returns what it was told until the server closed it */
async function saying(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  return await heard(socket);
}

async function heard(socket: Socket): Promise<string> {
  let told = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    told += chunk;
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return told;
}

test('a page is for one reader, now, and may do nothing', async () => {
  const { status, headers, body } = await ask(await listening(), '/');
  expect([status, body]).toEqual([200, 'here\n']);
  expect(headers).toMatchObject({
    'content-security-policy': expect.stringMatching(/^default-src 'none'; style-src 'self';/),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  });
  expect(headers['content-security-policy']).not.toMatch(/script|unsafe|\*/);
  expect(headers).not.toHaveProperty('access-control-allow-origin');
});

test('HEAD gives the headers of GET and no body', async () => {
  const port = await listening();
  const [get, head] = [await ask(port, '/'), await ask(port, '/', { method: 'HEAD' })];
  expect(head).toMatchObject({ status: 200, body: '' });
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
});

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE']) {
  test(`${method} is refused, and the connection with it`, async () => {
    const { status, headers } = await ask(await listening(), '/', { method });
    expect(status).toBe(405);
    expect(headers).toMatchObject({ allow: 'GET, HEAD', connection: 'close' });
  });
}

for (const [name, path] of [
  ['a path that is not there', '/nope'],
  ['a longer path', '/status/x'],
  ['a path that leads up', '/../etc/passwd'],
  ['a whole URL', 'http://127.0.0.1/'],
] as const) {
  test(`${name} is not found`, async () => {
    expect((await ask(await listening(), path)).status).toBe(404);
  });
}

test('a path that every object has is not found', async () => {
  const port = await listening();
  for (const path of ['__proto__', 'constructor']) {
    expect(await saying(port, `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 40[04] /,
    );
  }
});

test('a query changes nothing, and nothing of a request comes back', async () => {
  const port = await listening();
  const word = 'Query-of-Quintus';
  const found = await ask(port, `/?${word}`, { headers: { 'x-word': word } });
  expect(found).toMatchObject({ status: 200, body: 'here\n' });
  const lost = await ask(port, `/${word}?${word}`, { headers: { 'x-word': word } });
  expect(lost.status).toBe(404);
  for (const answer of [found, lost]) expect(JSON.stringify(answer)).not.toContain(word);
});

test('a page that cannot be made says so, and not why', async () => {
  const { status, body } = await ask(await listening(), '/broken');
  expect([status, body]).toEqual([500, 'this page cannot be made\n']);
});

test('a body is refused', async () => {
  const port = await listening();
  for (const body of ['content-length: 4\r\n\r\nbody', 'transfer-encoding: chunked\r\n\r\n0\r\n\r\n']) {
    expect(await saying(port, `GET / HTTP/1.1\r\nhost: localhost\r\n${body}`)).toMatch(/^HTTP\/1\.1 400 /);
  }
});

test('headers of more than 8 KiB are refused', async () => {
  const told = await saying(await listening(), `GET / HTTP/1.1\r\nhost: ${'x'.repeat(9_000)}\r\n\r\n`);
  expect(told).toMatch(/^HTTP\/1\.1 431 /);
});

test('on loopback only who names loopback is answered: a name that was turned to it is not', async () => {
  const port = await listening({ onlyLoopbackNames: true });
  const asking = async (host: string) => (await ask(port, '/', { headers: { host } })).status;
  for (const host of ['localhost', 'localhost:9401', '127.0.0.1:1', '[::1]:9401', 'LOCALHOST']) {
    expect([host, await asking(host)]).toEqual([host, 200]);
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1']) {
    expect([host, await asking(host)]).toEqual([host, 421]);
  }
  expect(await saying(port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 421 /);
});

for (const [name, bytes] of [
  ['says nothing', ''],
  ['never ends its headers', 'GET / HTTP/1.1\r\nhost: localhost\r\nx-'],
  [
    'never sends the body that it promised',
    'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx',
  ],
  ['asks once and stays', 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'],
] as const) {
  test(`a client that ${name} is cut off`, async () => {
    const told = await saying(await listening({ patienceMs: 100 }), bytes);
    expect(told.slice(0, 12)).toMatch(/^$|^HTTP\/1\.1 (200|405|408)/);
  });
}

test('a client that goes on and on with its headers is cut off', async () => {
  const socket = connect(await listening({ patienceMs: 100 }), '127.0.0.1');
  const told = heard(socket);
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nx-drip: ');
  const drip = setInterval(() => socket.write('x'), 10);
  onTestFinished(() => clearInterval(drip));
  expect(await told).toMatch(/^$|^HTTP\/1\.1 408/);
});

test('a client that never reads what it asked for is cut off, and makes room', async () => {
  const routes = { '/': ROUTES['/'], '/large': () => plain(200, 'x'.repeat(16 * 2 ** 20)) };
  const port = await listening({ patienceMs: 100, mostConnections: 1, routes });
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write('GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await expect
    .poll(async () => (await ask(port, '/').catch(() => undefined))?.status, { timeout: 4_000 })
    .toBe(200);
});

test('more than 32 connections are closed at once, and room that is made is used', async () => {
  const port = await listening();
  const held = Array.from({ length: 32 }, () => connect(port, '127.0.0.1'));
  await Promise.all(held.map(async (socket) => await once(socket, 'connect')));
  await expect(ask(port, '/')).rejects.toThrow(/hang up|ECONNRESET/);
  for (const socket of held) socket.destroy();
  await expect
    .poll(async () => (await ask(port, '/').catch(() => undefined))?.status, { timeout: 4_000 })
    .toBe(200);
});

test('closing cuts who is still there', async () => {
  const opened = await listen({ name: 'ops.probes', host: '127.0.0.1', port: 0, routes: ROUTES });
  const socket = connect(opened.port, '127.0.0.1');
  await once(socket, 'connect');
  const told = heard(socket);
  await opened.close();
  expect(await told).toBe('');
});

test('an address that is taken, or not of this machine, is a wrong setting', async () => {
  const port = await listening();
  const at = async (host: string) => await listen({ name: 'ops.probes', host, port, routes: ROUTES });
  await expect(at('127.0.0.1')).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: `ops.probes 127.0.0.1:${port} is taken by another process`,
    hint: 'give ops.probes another address, or null for none',
  });
  await expect(at('192.0.2.1')).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: `ops.probes 192.0.2.1:${port} is no address of this machine`,
  });
});

let authority: ReturnType<typeof throwawayCa>;
let stranger: ReturnType<typeof throwawayCa>;
beforeAll(() => {
  authority = throwawayCa();
  stranger = throwawayCa();
});
afterAll(() => {
  for (const { folder } of [authority, stranger]) rmSync(folder, { recursive: true, force: true });
});

test('with TLS only a certificate of the authority is answered, over TLS 1.3', async () => {
  const { ca } = authority;
  const { cert, key } = authority.issue('server');
  const port = await listening({ tls: { ca, cert, key } });
  const own = authority.issue('operator');
  expect(await ask(port, '/', { ca, cert: own.cert, key: own.key })).toMatchObject({ body: 'here\n' });
  await expect(ask(port, '/', { ca })).rejects.toThrow(/certificate required|ECONNRESET|hang up/);
  const other = stranger.issue('operator');
  await expect(ask(port, '/', { ca, cert: other.cert, key: other.key })).rejects.toThrow(
    /unknown ca|ECONNRESET|hang up/,
  );
  const older = { ca, cert: own.cert, key: own.key, maxVersion: 'TLSv1.2' } as const;
  await expect(ask(port, '/', older)).rejects.toThrow(/protocol version|ECONNRESET|hang up/);
  expect(await saying(port, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')).not.toContain('here');
});

test('a client that never ends its handshake is cut off, and one that never asks', async () => {
  const { ca } = authority;
  const { cert, key } = authority.issue('server');
  const port = await listening({ tls: { ca, cert, key }, patienceMs: 100 });
  expect(await saying(port, '')).not.toContain('HTTP');
  const own = authority.issue('operator');
  const silent = connectTls({ port, host: '127.0.0.1', ca, cert: own.cert, key: own.key });
  expect(await heard(silent)).not.toContain('here');
});

test('TLS files that do not fit are a wrong setting, and are not quoted', async () => {
  const { ca } = authority;
  const { cert, key } = authority.issue('server');
  const word = 'Key of Quentin Farthingale';
  for (const tls of [
    { ca, cert, key: word },
    { ca, cert: word, key },
    { ca, cert, key: authority.issue('other').key },
    { ca: word, cert, key },
    { ca: '', cert, key }, // Node.js would then trust every authority that it ships
  ]) {
    const failure = await listening({ tls }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'BAD_CONFIG' });
    expect(failure).not.toHaveProperty('cause');
    expect(String(failure)).not.toContain('Quentin');
  }
});
