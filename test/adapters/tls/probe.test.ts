import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createPlainServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { probeTls, type TlsTarget } from '../../../src/adapters/tls/probe.ts';
import { makeAuthority } from '../../services/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'callseal-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const authority = makeAuthority(folder);
const good = authority.issue('good', 90);
const never = new AbortController().signal;

/** @returns the port of a TLS server of one test's own. */
async function serving(files: { cert: string; key: string }, more: TlsOptions = {}): Promise<number> {
  const server = createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key), ...more });
  server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  return await listening(server);
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const look = async (port: number, more: Partial<TlsTarget> = {}) =>
  await probeTls({ host: 'localhost', port, ca: authority.ca, ...more }, never);

test('a good server: its version, and how long its certificate lasts', async () => {
  const port = await serving(good);
  const { usable, findings } = await look(port);
  expect(usable).toBe(true);
  expect(findings).toEqual([
    { name: 'tls', status: 'ok', finding: `TLSv1.3 with localhost:${port}` },
    { name: 'certificate', status: 'ok', finding: expect.stringMatching(/^(89|90) days left, until \d{4}-/) },
  ]);
});

test('an address is no server name, and its certificate is checked all the same', async () => {
  expect(await look(await serving(good), { host: '127.0.0.1' })).toMatchObject({ usable: true });
});

test('a certificate that ends within 14 days is usable and loud', async () => {
  const { usable, findings } = await look(await serving(authority.issue('soon', 10)));
  expect(usable).toBe(true);
  expect(findings[1]).toMatchObject({ status: 'loud', finding: expect.stringMatching(/^(9|10) days left/) });
});

test('an authority that ends first counts, not only the server certificate', async () => {
  const short = makeAuthority(folder, 'short', 5);
  const port = await serving(short.issue('long', 300));
  expect((await look(port, { ca: short.ca })).findings[1]).toMatchObject({
    status: 'loud',
    finding: expect.stringMatching(/^(4|5) days left/),
  });
});

describe('not usable, with what to do:', () => {
  test.for([
    [
      'an expired certificate',
      authority.issue('over', 0),
      {},
      /^ended on \d{4}-/,
      /^renew the certificate of localhost:/,
    ],
    [
      'a name that is another',
      authority.issue('other', 90, 'DNS:elsewhere'),
      {},
      /is for another name/,
      /name the host/,
    ],
    [
      'an authority that is not trusted',
      makeAuthority(folder, 'stranger').issue('theirs', 90),
      {},
      /not believed/,
      /^ca /,
    ],
    ['no authority of ours at all', good, { ca: null }, /not believed/, /^ca /],
  ] as const)('%s', async ([, files, more, finding, hint]) => {
    const found = await look(await serving(files), more);
    expect(found.usable).toBe(false);
    expect(found.findings).toMatchObject([
      { name: 'tls', status: 'ok' },
      {
        name: 'certificate',
        status: 'bad',
        finding: expect.stringMatching(finding),
        hint: expect.stringMatching(hint),
      },
    ]);
  });

  test('a server that speaks TLS 1.2 at most', async () => {
    const port = await serving(good, { maxVersion: 'TLSv1.2' });
    const { usable, findings } = await look(port);
    expect(usable).toBe(false);
    expect(findings).toMatchObject([{ status: 'bad', hint: expect.stringContaining('minVersion: TLSv1.2') }]);
  });

  test('a server that speaks no TLS', async () => {
    const plain = createPlainServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('HTTP/1.1 400 Bad\r\n\r\n'),
    );
    expect(await look(await listening(plain))).toMatchObject({
      usable: false,
      findings: [{ status: 'bad', finding: expect.stringContaining('speaks no TLS') }],
    });
  });

  test('a database that refuses TLS', async () => {
    const plain = createPlainServer((socket) => socket.once('data', () => socket.end('N')));
    expect(await look(await listening(plain), { protocol: 'postgres' })).toMatchObject({
      usable: false,
      findings: [{ status: 'bad', finding: expect.stringContaining('speaks no TLS') }],
    });
  });

  test('a file of authorities that cannot be read', async () => {
    expect(await look(await serving(good), { ca: join(folder, 'none.crt') })).toMatchObject({
      usable: false,
      findings: [{ status: 'bad', finding: expect.stringContaining('ENOENT') }],
    });
  });

  test('nobody at the port', async () => {
    expect(await look(1)).toMatchObject({
      usable: false,
      findings: [{ status: 'down', finding: 'localhost:1 cannot be reached (ECONNREFUSED)' }],
    });
  });
});

test('TLS 1.2 where minVersion allows it is usable and loud', async () => {
  const port = await serving(good, { maxVersion: 'TLSv1.2' });
  const { usable, findings } = await look(port, { minVersion: 'TLSv1.2' });
  expect(usable).toBe(true);
  expect(findings[0]).toMatchObject({ status: 'loud', finding: `TLSv1.2 with localhost:${port}` });
});

test('the signal ends it with its own reason', async () => {
  const port = await listening(createPlainServer((socket) => socket.resume()));
  const stop = new AbortController();
  const looking = probeTls({ host: '127.0.0.1', port, ca: authority.ca }, stop.signal);
  stop.abort(new Error('enough'));
  await expect(looking).rejects.toThrow('enough');
});
