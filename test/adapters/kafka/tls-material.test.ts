import { once } from 'node:events';
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { tlsMaterial } from '../../../src/adapters/kafka/tls-material.ts';
import { throwawayCa } from '../../ops/throwaway-ca.ts';

const ca = throwawayCa();
const REFRESH_MS = 20;
afterAll(() => rmSync(ca.folder, { recursive: true, force: true }));

/** A server that says back whose certificate it saw. */
async function server(): Promise<number> {
  const { cert, key } = ca.issue('server');
  const listening = createServer({ ca: ca.ca, cert, key, requestCert: true }, (socket: TLSSocket) => {
    socket.on('error', () => undefined).end(String(socket.getPeerCertificate().subject.CN));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void listening.close());
  await once(listening, 'listening');
  return (listening.address() as AddressInfo).port;
}

test('a new connection uses the files as they are now; files that do not fit together are passed over', async () => {
  const files = { ca: ca.caPath, cert: join(ca.folder, 'used.pem'), key: join(ca.folder, 'used.key') };
  const use = (name: string): void => {
    const pair = ca.issue(name);
    copyFileSync(pair.certPath, files.cert);
    copyFileSync(pair.keyPath, files.key);
  };
  use('first');
  const port = await server();
  const material = await tlsMaterial({ ...files, minVersion: 'TLSv1.3' }, REFRESH_MS);
  onTestFinished(() => material.stop());
  const seenAs = async (): Promise<string> => {
    const socket = material.open({ host: '127.0.0.1', port, onConnect: () => undefined });
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  expect(await seenAs()).toBe('first');
  use('second');
  await expect.poll(seenAs).toBe('second');
  writeFileSync(files.cert, 'half a certifica');
  await new Promise((resolve) => setTimeout(resolve, 5 * REFRESH_MS));
  expect(await seenAs()).toBe('second');
  use('third');
  await expect.poll(seenAs).toBe('third');
});

test('files that cannot be used at the start are refused, with the reason', async () => {
  const cert = join(ca.folder, 'missing.pem');
  const made = tlsMaterial({ ca: ca.caPath, cert, key: cert, minVersion: 'TLSv1.3' });
  await expect(made).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining('missing.pem'),
  });
});
