import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KMSClient } from '@aws-sdk/client-kms';
import { KmsAdmin } from './kms-admin.ts';

const MAIN = join(import.meta.dirname, 'kms/main.ts');
const SEED = join(import.meta.dirname, 'kms/seed.json');

export const KMS_ROLES = ['root', 'worker', 'operator', 'auditor', 'recovery', 'intruder'] as const;
export type KmsRole = (typeof KMS_ROLES)[number];

/** A stand-in of one test's own, on a free port, with its own certificate and secrets below `folder`. */
export interface KmsProcess {
  readonly endpoint: string;
  readonly admin: KmsAdmin;
  /** Without retries: one call is one request. */
  client(role: KmsRole, secretAccessKey?: string): KMSClient;
  /** Ends the process as a crash would. What was answered is kept in `folder`. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts again on the same state when `folder` was used before. The port is another one then. */
export async function startKms(folder: string): Promise<KmsProcess> {
  prepare(folder);
  const at = (name: string) => join(folder, name);
  const files = ['--cert', at('cert.pem'), '--key', at('key.pem'), '--data', at('data'), '--secrets', folder];
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--seed', SEED, ...files], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const endpoint = await listeningOn(child);
  const ca = readFileSync(at('cert.pem'), 'utf8');
  const agent = new Agent({ ca, keepAlive: true });
  const end = async (signal: NodeJS.Signals) => {
    agent.destroy();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    endpoint,
    admin: new KmsAdmin(endpoint, ca, 'admin-secret'),
    client: (role, secretAccessKey = secretOf(role)) =>
      new KMSClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: accessKeyOf(role), secretAccessKey },
        maxAttempts: 1,
        requestHandler: { httpsAgent: agent },
      }),
    kill: async () => await end('SIGKILL'),
    stop: async () => await end('SIGTERM'),
  };
}

export function accessKeyOf(role: KmsRole): string {
  return `TEST${role.toUpperCase()}`;
}

function secretOf(role: KmsRole): string {
  return `secret-of-${role}`;
}

function prepare(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const role of KMS_ROLES) {
    const lines = [
      '[default]',
      `aws_access_key_id=${accessKeyOf(role)}`,
      `aws_secret_access_key=${secretOf(role)}`,
    ];
    writeFileSync(join(folder, `kms-${role}`), `${lines.join('\n')}\n`);
  }
  writeFileSync(join(folder, 'kms-admin'), 'admin-secret');
  if (!existsSync(join(folder, 'cert.pem'))) makeCertificate(folder);
}

/** A certificate for localhost that is its own CA. */
function makeCertificate(folder: string): void {
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    join(folder, 'key.pem'),
  ];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, '-out', join(folder, 'cert.pem'), ...name], {
    stdio: 'ignore',
  });
}

async function listeningOn(child: ChildProcess): Promise<string> {
  if (!child.stdout || !child.stderr) throw new Error('the stand-in has no pipes');
  const errors: string[] = [];
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes.toString()));
  for await (const line of createInterface({ input: child.stdout })) {
    const endpoint = /^listening on (https:\S+)$/.exec(line)?.[1];
    if (endpoint !== undefined) return endpoint;
  }
  throw new Error(`the KMS stand-in did not start: ${errors.join('')}`);
}
