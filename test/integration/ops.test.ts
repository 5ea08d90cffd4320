import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Composed, open } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { ask } from '../ops/ask.ts';
import { valueOf } from '../ops/scrape.ts';
import { throwawayCa } from '../ops/throwaway-ca.ts';
import { artifact, callEvent, recordOf } from '../work/given.ts';

/** The real worker process on the embedded profile, looked at through its two addresses. */

const ROOT = join(import.meta.dirname, '../..');
const SIGNAL = new AbortController().signal;
const SOON = { timeout: 60_000, interval: 100 };

/** What an edge may write where it should not. */
const WORDS = {
  spoken: 'Zelda Quibblewort',
  path: 'Path-of-Philomena',
  reference: 'Ref-of-Reginald',
  key: 'Key of Quentin Farthingale',
  broken: 'Broken Barnaby Thistlewick',
  call: 'call-of-the-canary',
};

let folder: string;
let ports: { probes: number; admin: number };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-ops-'));
  ports = { probes: await freePort(), admin: await freePort() };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function settings(more: object = {}): string {
  const path = join(folder, 'settings.yaml');
  const { probes, admin } = ports;
  const text = {
    data: join(folder, 'data'),
    ops: { probes: `127.0.0.1:${probes}`, admin: `127.0.0.1:${admin}`, ...more },
    tenants: {
      't-1': {
        create: 'at-start',
        policy: 'default',
        sources: { edge: { kind: 'files', root: join(folder, 'edge') } },
      },
    },
  };
  writeFileSync(path, JSON.stringify(text)); // JSON is YAML
  return path;
}

interface Worker {
  readonly process: ChildProcess;
  said(): string;
  /** @returns its exit code */
  ended(): Promise<number | null>;
}

function startWorker(config: string): Worker {
  const main = join(ROOT, 'src/main.ts');
  const child = spawn(process.execPath, ['--no-warnings', main, '--profile', 'local', '--config', config], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = once(child, 'close');
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    process: child,
    said: () => said,
    ended: async () => {
      await closed;
      return child.exitCode;
    },
  };
}

async function inboxOf(config: string): Promise<Composed> {
  const opened = await open(
    await loadSettings({ profile: 'local', file: config, environment: {}, folder: ROOT }),
    {
      version: 'test',
      ticket: undefined,
      actor: { kind: 'operator', id: 'test' },
      onKeyFileCreated: () => undefined,
    },
  );
  onTestFinished(async () => await opened.close());
  return opened;
}

function putSource(key: string, text: string): void {
  const path = join(folder, 'edge', key);
  mkdirSync(join(folder, 'edge'), { recursive: true });
  writeFileSync(path, text);
  utimesSync(path, new Date(0), new Date(0));
}

const code = async (port: number, path: string) => (await ask(port, path).catch(() => undefined))?.status;
const readiness = async () => await code(ports.probes, '/readyz');
const body = async (path: string) => (await ask(ports.admin, path)).body;
const status = async () => JSON.parse(await body('/status'));

test('a worker tells what it does while it does it, in numbers and codes alone', async () => {
  const config = settings();
  const worker = startWorker(config);
  await expect.poll(readiness, SOON).toBe(200);
  expect(await code(ports.probes, '/livez')).toBe(200);
  expect(await code(ports.probes, '/startupz')).toBe(200);

  // The folder of the alias is not there: its tenant waits.
  const { ports: opened } = await inboxOf(config);
  const event = callEvent({
    call: WORDS.call,
    consent: { recording: 'granted', ref: WORDS.reference },
    artifacts: [artifact('t', 'transcript', `${WORDS.path}.json`)],
  });
  await opened.inbox.publish({ ...recordOf(event), key: WORDS.key }, SIGNAL);
  await opened.inbox.publish(recordOf(Buffer.from(`{"text":"${WORDS.broken}"`)), SIGNAL);
  const waiting = { scope: 'alias', tenant: 't-1', code: 'SOURCE_DOWN' };
  await expect
    .poll(status, SOON)
    .toMatchObject({ paused: [waiting], parked: { causes: [{ code: 'EVENT_NOT_JSON', count: 1 }] } });
  expect(await status()).toMatchObject({ phase: 'working', health: { live: [], ready: [] } });
  expect(await readiness()).toBe(200);
  expect(valueOf(await body('/metrics'), 'callseal_intake_paused', { scope: 'alias' })).toBe(1);
  const told = [await body('/'), await body('/status'), await body('/metrics')];
  expect(told[0]).toContain('an alias of tenant t-1');

  // It is there: the call is sealed.
  putSource(`${WORDS.path}.json`, `{"turns":[{"who":"caller","text":"${WORDS.spoken}"}]}`);
  const topic = 'callseal.calls.completed';
  const warned = { topic, outcome: 'sealed-with-warnings' }; // its record key is not the call's
  await expect
    .poll(async () => valueOf(await body('/metrics'), 'callseal_messages_total', warned), SOON)
    .toBe(1);
  await expect
    .poll(status, SOON)
    .toMatchObject({ paused: [], inbox: { waiting: 0 }, inFlight: { calls: 0, bytes: 0 } });

  const metrics = await body('/metrics');
  const values = [
    ['callseal_messages_total', { topic, outcome: 'parked' }, 1],
    ['callseal_dlq_messages_total', { code: 'EVENT_NOT_JSON' }, 1],
    ['callseal_stage_duration_seconds_count', { stage: 'store', outcome: 'ok' }, 1],
    ['callseal_stage_duration_seconds_count', { stage: 'decision', outcome: 'ok' }, 2],
    ['callseal_stage_duration_seconds_count', { stage: 'delivery', outcome: 'ok' }, 2],
    ['callseal_inflight_calls', {}, 0],
    ['callseal_inflight_bytes', {}, 0],
    ['callseal_oldest_unprocessed_seconds', {}, 0],
    ['callseal_build_info', {}, 1],
  ] as const;
  for (const [name, labels, value] of values)
    expect([name, valueOf(metrics, name, labels)]).toEqual([name, value]);
  expect(valueOf(metrics, 'callseal_kms_requests_total', { op: 'generate', outcome: 'ok' })).toBeGreaterThan(
    1,
  );

  told.push(await body('/'), await body('/status'), metrics);
  for (const path of ['/livez', '/readyz', '/startupz']) told.push((await ask(ports.probes, path)).body);
  worker.process.kill('SIGTERM');
  expect(await worker.ended()).toBe(0);
  expect(await readiness()).toBeUndefined();
  const { call, ...words } = WORDS;
  for (const word of [...Object.values(words), call])
    expect(told.filter((text) => text.includes(word))).toEqual([]);
  for (const word of Object.values(words)) expect(worker.said()).not.toContain(word);
  expect(worker.said()).toContain('"event":"call answered"');
});

test('an address that is taken ends the process at once, with exit code 8 and a sentence', async () => {
  const taken = createServer().listen(ports.admin, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const worker = startWorker(settings());
  expect(await worker.ended()).toBe(8);
  expect(worker.said()).toContain(`ops.admin 127.0.0.1:${ports.admin} is taken by another process`);
  expect(worker.said()).not.toContain('worker started');
});

test('beyond loopback the settings are refused without ops.tls, and with it only a certificate opens', async () => {
  const admin = `0.0.0.0:${ports.admin}`;
  const refused = startWorker(settings({ admin }));
  expect(await refused.ended()).toBe(8);
  expect(refused.said()).toContain('is beyond loopback');

  const authority = throwawayCa();
  onTestFinished(() => rmSync(authority.folder, { recursive: true }));
  const server = authority.issue('server');
  const tls = { ca: authority.caPath, cert: server.certPath, key: server.keyPath };
  const worker = startWorker(settings({ admin, tls }));
  await expect.poll(readiness, SOON).toBe(200);
  const { ca } = authority;
  const { cert, key } = authority.issue('operator');
  expect((await ask(ports.admin, '/status', { ca, cert, key })).status).toBe(200);
  await expect(ask(ports.admin, '/status', { ca })).rejects.toThrow(
    /certificate required|ECONNRESET|hang up/,
  );
  worker.process.kill('SIGTERM');
  expect(await worker.ended()).toBe(0);
});
