import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { answersOverTls } from './answers-over-tls.ts';

export const SERVICES = ['kafka', 's3', 's3-second', 'kms', 'postgres', 'redis'] as const;
export type ServiceName = (typeof SERVICES)[number];

export type KafkaPrincipal = 'broker' | 'edge' | 'worker' | 'operator' | 'reader' | 'admin' | 'intruder';
export type S3Role = 'root' | 'worker' | 'operator' | 'edge' | 'intruder';
export type KmsRole = 'root' | 'worker' | 'operator' | 'auditor' | 'recovery' | 'intruder';
export type PostgresRole = 'superuser' | 'owner' | 'worker' | 'operator' | 'reader';

export interface S3Env {
  readonly endpoint: string;
  readonly region: string;
  readonly buckets: readonly string[];
  /** AWS credentials files; `readAwsCredentials` reads one. */
  readonly credentialsFiles: Readonly<Record<S3Role, string>>;
}

export interface UserEnv {
  readonly user: string;
  readonly passwordFile: string;
}

/** `.services/env.json`, as `scripts/services up` writes it. All paths are absolute; it holds no secret itself. */
export interface ServicesEnv {
  readonly base: number;
  /** The folder of the pid files. */
  readonly run: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly kafka: {
    readonly brokers: readonly string[];
    readonly principals: Readonly<Record<KafkaPrincipal, { readonly cert: string; readonly key: string }>>;
  };
  readonly s3: S3Env;
  readonly s3Second: S3Env;
  readonly kms: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentialsFiles: Readonly<Record<KmsRole, string>>;
    readonly adminSecretFile: string;
  };
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly users: Readonly<Record<PostgresRole, UserEnv>>;
  };
  readonly redis: {
    readonly host: string;
    readonly port: number;
    readonly users: Readonly<Record<'callseal' | 'admin', UserEnv>>;
  };
}

const CHECKOUT = join(import.meta.dirname, '../..');

/** Reads the file of one base: by default that of `CALLSEAL_SERVICES_BASE`, else of base 0. */
export function servicesEnv(base = Number(env['CALLSEAL_SERVICES_BASE'] ?? 0)): ServicesEnv {
  const home = base === 0 ? '.services' : `.services/base-${base}`;
  try {
    return JSON.parse(readFileSync(join(CHECKOUT, home, 'env.json'), 'utf8')) as ServicesEnv;
  } catch (cause) {
    throw new Error(`there is no ${home}/env.json: start the services with scripts/services up`, { cause });
  }
}

/** Whether it answers with a certificate of our CA, right now. False also where nothing was ever started. */
export async function isUp(name: ServiceName, base?: number): Promise<boolean> {
  try {
    const services = servicesEnv(base);
    return await answersOverTls({
      port: portOf(name, services),
      ca: services.tls.ca,
      postgres: name === 'postgres',
    });
  } catch {
    return false;
  }
}

/**
 * Why a suite cannot run here, for its name, or undefined when it can:
 *
 *   const missing = await whatIsMissing('s3', 'kms');
 *   describe.skipIf(missing)(`objects on S3 ${missing ?? ''}`, () => …);
 */
export async function whatIsMissing(...needed: readonly ServiceName[]): Promise<string | undefined> {
  const down = await whichAreDown(...needed);
  return down.length === 0
    ? undefined
    : `(skipped: no ${down.join(', ')} here; scripts/services up starts it)`;
}

export async function whichAreDown(...needed: readonly ServiceName[]): Promise<readonly ServiceName[]> {
  const up = await Promise.all(needed.map(async (name) => await isUp(name)));
  return needed.filter((_, index) => up[index] !== true);
}

export function readSecret(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

export function readAwsCredentials(file: string): { accessKeyId: string; secretAccessKey: string } {
  const text = readFileSync(file, 'utf8');
  const value = (name: string) => new RegExp(`^${name}=(\\S+)$`, 'm').exec(text)?.[1] ?? '';
  return { accessKeyId: value('aws_access_key_id'), secretAccessKey: value('aws_secret_access_key') };
}

export function portOf(name: ServiceName, services: ServicesEnv): number {
  switch (name) {
    case 'kafka':
      return Number(services.kafka.brokers[0]?.split(':')[1]);
    case 's3':
      return Number(new URL(services.s3.endpoint).port);
    case 's3-second':
      return Number(new URL(services.s3Second.endpoint).port);
    case 'kms':
      return Number(new URL(services.kms.endpoint).port);
    case 'postgres':
      return services.postgres.port;
    case 'redis':
      return services.redis.port;
  }
}
