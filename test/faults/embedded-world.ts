import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import type { Place } from '../../src/domain/deliveries.ts';
import { productEnvironment } from '../services/product-environment.ts';

export const TENANTS = ['t-1', 't-2', 't-3'] as const;
const ROOT = join(import.meta.dirname, '../..');
const HOOK = join(import.meta.dirname, 'hook.ts');

export interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One data folder with its sources and settings, and the real command on it, a process per call. */
export interface EmbeddedWorld {
  readonly folder: string;
  readonly data: string;
  /** Writes a source of a tenant. */
  source(tenant: string, key: string, bytes: Buffer): Promise<void>;
  removeSource(tenant: string, key: string): Promise<void>;
  /** Publishes as an edge does, beside whatever worker runs. */
  publish(value: Buffer, key: string | undefined): Promise<Place>;
  callseal(words: readonly string[], env?: Record<string, string>): Promise<Run>;
  remove(): Promise<void>;
}

export async function embeddedWorld(): Promise<EmbeddedWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-faults-'));
  const data = join(folder, 'data');
  const config = join(folder, 'settings.yaml');
  const tenants = TENANTS.map(
    (tenant) =>
      `  ${tenant}: { create: at-start, policy: default, sources: { edge: { kind: files, root: sources/${tenant} } } }`,
  );
  await writeFile(
    config,
    ['retry: { inPlace: 1, delay: 1s, giveUpAfter: 10m }', 'tenants:', ...tenants, ''].join('\n'),
  );
  for (const tenant of TENANTS) await mkdir(join(folder, 'sources', tenant), { recursive: true });
  const opened = await open(await settingsOf(config, data), {
    version: 'test',
    actor: { kind: 'operator', id: 'test' },
    ticket: undefined,
    onKeyFileCreated: () => undefined,
  });
  const path = (tenant: string, key: string): string => join(folder, 'sources', tenant, key);
  return {
    folder,
    data,
    source: async (tenant, key, bytes) => await writeFile(path(tenant, key), bytes),
    removeSource: async (tenant, key) => await rm(path(tenant, key)),
    publish: async (value, key) => {
      const headers = { 'content-type': 'application/cloudevents+json' };
      const signal = AbortSignal.timeout(30_000);
      return await opened.ports.inbox.publish(
        { topic: 'callseal.calls.completed', key, headers, value },
        signal,
      );
    },
    callseal: async (words, env = {}) => {
      const program = ['--no-warnings', '--disable-proto=delete', '--import', HOOK, join(ROOT, 'src/cli.ts')];
      const settings = ['--profile', 'local', '--config', config, '--data', data];
      return await run([...program, ...settings, ...words], env);
    },
    remove: async () => {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function settingsOf(file: string, data: string) {
  const flags = [{ path: ['data'], value: data, flag: '--data' }];
  return await loadSettings({ profile: 'local', file, environment: {}, folder: ROOT, flags });
}

async function run(words: readonly string[], env: Record<string, string>): Promise<Run> {
  const child = spawn(process.execPath, words, { env: productEnvironment({ NO_COLOR: '1', ...env }) });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end();
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Bytes that are the same for the same words, and that nobody would write by accident. */
export function noise(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < length; i++) blocks.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}
