import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { makeAuthority } from './certificates.ts';

export interface Asked {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface FakeService {
  readonly endpoint: string;
  readonly ca: string;
  readonly credentialsFile: string;
  readonly asked: readonly Asked[];
}

/** A service that answers as no real one here does, until the test has finished. Signatures are not looked at. */
export async function fakeHttps(answer: (asked: Asked) => Answer): Promise<FakeService> {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-fake-'));
  const authority = makeAuthority(folder);
  const { cert, key } = authority.issue('server', 90);
  const credentialsFile = join(folder, 'credentials');
  writeFileSync(credentialsFile, '[default]\naws_access_key_id=FAKE\naws_secret_access_key=FAKE\n');
  const asked: Asked[] = [];
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(parts).toString('utf8') };
      asked.push(one);
      const { status, headers: more = {}, body = '' } = answer(one);
      response.writeHead(status, more);
      response.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `https://localhost:${port}`, ca: authority.ca, credentialsFile, asked };
}
