import { X509Certificate } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { type ListenersOptions, openListeners } from '../../src/ops/http-listeners.ts';
import type { StatusReads } from '../../src/ops/status-page-facts.ts';
import { ask } from './ask.ts';
import { valueOf } from './scrape.ts';
import { throwawayCa } from './throwaway-ca.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

const EMPTY: StatusReads = {
  inbox: { backlog: async () => ({ waiting: 0, due: 0, oldestAt: undefined }) },
  registry: { answers: async () => [], pending: async () => ({ unsequenced: 2, unpublished: 1 }) },
};

async function opened(more: Partial<ListenersOptions> = {}) {
  const stop = new AbortController();
  const listeners = await openListeners({
    version: '1.2.3',
    profile: 'local',
    topics: ['t'],
    probes: LOOPBACK,
    admin: LOOPBACK,
    tls: undefined,
    certificates: {},
    stopping: stop.signal,
    ...more,
  });
  onTestFinished(async () => await listeners.close());
  const { probes = 0, admin = 0 } = listeners.listening;
  const probe = async (path: string) => {
    const { status, body } = await ask(probes, path);
    return [status, JSON.parse(body).reasons];
  };
  return { listeners, stop, probes, admin, probe };
}

test('a worker is asked from before it starts until after it failed', async () => {
  const { listeners, stop, probe } = await opened();
  const all = async () => [await probe('/livez'), await probe('/readyz'), await probe('/startupz')];
  const well = [200, []];
  expect(await all()).toEqual([well, [503, ['STARTING']], [503, ['STARTING']]]);
  listeners.opened(EMPTY);
  listeners.metrics.working({ inflightBytes: () => 0, paused: () => [] });
  expect(await all()).toEqual([well, well, well]);
  stop.abort();
  expect(await all()).toEqual([well, [503, ['STOPPING']], well]);
  listeners.failed();
  expect(await all()).toEqual([[503, ['ENDED']], [503, ['ENDED']], well]);
});

test('a pause of everybody is not ready; a pause of one tenant is told elsewhere', async () => {
  const { listeners, admin, probe } = await opened();
  const since = new Date('2026-11-24T12:00:00.000Z');
  const tenant = { tenant: 't-1', code: 'KEY_DISABLED' as const, since };
  let paused: readonly { tenant?: string; code: 'KEY_DISABLED' | 'STORE_DOWN'; since: Date }[] = [tenant];
  listeners.opened(EMPTY);
  listeners.metrics.working({ inflightBytes: () => 0, paused: () => paused });
  expect(await probe('/readyz')).toEqual([200, []]);
  const line = { scope: 'tenant', tenant: 't-1', code: 'KEY_DISABLED', since: since.toISOString() };
  expect(JSON.parse((await ask(admin, '/status')).body).paused).toEqual([line]);
  paused = [tenant, { code: 'STORE_DOWN', since }];
  expect(await probe('/readyz')).toEqual([503, ['STORE_DOWN']]);
  expect(await probe('/livez')).toEqual([200, []]);
});

test('the probes know no status, and the admin address no probes', async () => {
  const { probes, admin } = await opened();
  for (const path of ['/', '/status', '/metrics', '/status.css']) {
    expect([path, (await ask(probes, path)).status]).toEqual([path, 404]);
    expect([path, (await ask(admin, path)).status]).toEqual([path, 200]);
  }
  expect((await ask(admin, '/livez')).status).toBe(404);
});

test('each page has the type it is', async () => {
  const { admin, probes } = await opened();
  const type = async (port: number, path: string) => (await ask(port, path)).headers['content-type'];
  expect(await type(admin, '/')).toBe('text/html; charset=utf-8');
  expect(await type(admin, '/status.css')).toBe('text/css; charset=utf-8');
  expect(await type(admin, '/status')).toBe('application/json');
  expect(await type(admin, '/metrics')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await type(probes, '/livez')).toBe('application/json');
});

test('while inbox and registry cannot be read, everything else is told', async () => {
  const away = () => Promise.reject(new CallsealError('REGISTRY_DOWN', 'Word of Wilhelmina'));
  const { listeners, admin } = await opened();
  const starting = JSON.parse((await ask(admin, '/status')).body);
  expect(starting).toMatchObject({ inbox: { unreadable: 'STARTING' }, parked: { unreadable: 'STARTING' } });
  listeners.opened({ inbox: { backlog: away }, registry: { answers: away, pending: away } });
  const { status, body } = await ask(admin, '/status');
  expect(status).toBe(200);
  expect(JSON.parse(body)).toMatchObject({ inbox: { unreadable: 'REGISTRY_DOWN' }, inFlight: { calls: 0 } });
  const scrape = (await ask(admin, '/metrics')).body;
  expect(valueOf(scrape, 'callseal_oldest_unprocessed_seconds')).toBeUndefined();
  expect(valueOf(scrape, 'callseal_audit_waiting_events')).toBeUndefined();
  expect(valueOf(scrape, 'callseal_build_info')).toBe(1);
  const page = (await ask(admin, '/')).body;
  for (const told of [body, scrape, page]) expect(told).not.toContain('Wilhelmina');
});

test('only what the settings name is opened', async () => {
  const { listeners } = await opened({ admin: undefined });
  expect(listeners.listening.admin).toBeUndefined();
  expect(listeners.listening.probes).toBeGreaterThan(0);
});

test('a second address that is taken closes the first', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await expect.poll(() => taken.address()).not.toBeNull();
  const free = createServer().listen(0, '127.0.0.1');
  await expect.poll(() => free.address()).not.toBeNull();
  const [port, other] = [taken, free].map((server) => (server.address() as { port: number }).port);
  free.close();
  const both = {
    probes: { host: '127.0.0.1', port: other ?? 0 },
    admin: { host: '127.0.0.1', port: port ?? 0 },
  };
  await expect(opened(both)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  await expect(ask(other ?? 0, '/livez')).rejects.toThrow(/ECONNREFUSED/);
});

test('with ops.tls the admin address asks for a certificate and the probes do not', async () => {
  const authority = throwawayCa();
  onTestFinished(() => rmSync(authority.folder, { recursive: true }));
  const server = authority.issue('server');
  const files = { ca: authority.caPath, cert: server.certPath, key: server.keyPath };
  const { admin, probe } = await opened({ tls: files });
  expect(await probe('/livez')).toEqual([200, []]);
  const { ca } = authority;
  const { cert, key } = authority.issue('operator');
  const named = { ca, cert, key, servername: '', headers: { host: 'worker-1.example' } };
  expect((await ask(admin, '/status', named)).status).toBe(200);
  await expect(ask(admin, '/status', { ca })).rejects.toThrow(/certificate required|ECONNRESET|hang up/);
  await expect(ask(admin, '/status')).rejects.toThrow(/ECONNRESET|hang up/);
  const missing = { ...files, key: `${files.key}.gone` };
  await expect(opened({ tls: missing })).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: 'ops.tls.key names a file that cannot be read',
  });
});

test('a scrape tells how far the audit relay is and when certificates end', async () => {
  const authority = throwawayCa();
  onTestFinished(() => rmSync(authority.folder, { recursive: true }));
  const { listeners, admin } = await opened({ certificates: { 'jobs.ca': authority.caPath } });
  listeners.opened(EMPTY);
  const scrape = (await ask(admin, '/metrics')).body;
  expect(valueOf(scrape, 'callseal_audit_waiting_events')).toBe(3);
  const { validTo } = new X509Certificate(authority.ca);
  expect(valueOf(scrape, 'callseal_certificate_expiry_timestamp_seconds', { setting: 'jobs.ca' })).toBe(
    Date.parse(validTo) / 1000,
  );
});
