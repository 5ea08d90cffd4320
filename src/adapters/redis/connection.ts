import { readFile } from 'node:fs/promises';
import type { SecureVersion } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { CallsealError } from '../../domain/errors.ts';

export interface RedisConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** ACL user. */
  readonly user: string;
  readonly passwordFile?: string | undefined;
  /** PEM file of the authorities that are trusted; those of Node.js where there is none. */
  readonly ca?: string | null | undefined;
  readonly minVersion?: SecureVersion | undefined;
  /** No TLS. Whether that is allowed is decided by the settings: on loopback only. */
  readonly plaintext?: boolean | undefined;
}

/** Without what the constructor's type says in another way than the options' own. */
type SharedOptions = Omit<RedisOptions, 'replyMapping'>;

const CONNECT_MS = 2_000;
const REPLY_MS = 1_000;
/** Longer than a blocking read lasts (10 s): a peer that says nothing for so long is gone. */
const SILENCE_MS = 25_000;
const KEEP_ALIVE_MS = 10_000;

/**
 * What all connections share. The files are read here, once.
 *
 * @throws CallsealError BAD_CONFIG - a file cannot be read
 */
export async function redisOptions(options: RedisConnectionOptions): Promise<SharedOptions> {
  const { host, port, user, passwordFile, ca, minVersion = 'TLSv1.3', plaintext = false } = options;
  return {
    host,
    port,
    username: user,
    ...(passwordFile !== undefined && { password: (await fileOf(passwordFile, 'password file')).trim() }),
    ...(!plaintext && {
      tls: {
        rejectUnauthorized: true,
        minVersion,
        ...(typeof ca === 'string' && { ca: await fileOf(ca, 'file of trusted authorities') }),
      },
    }),
    connectTimeout: CONNECT_MS,
    // Its timer outlives a connection that is closed already, and the process waits for it.
    disconnectTimeout: 200,
    socketTimeout: SILENCE_MS,
    keepAlive: KEEP_ALIVE_MS,
    disableClientInfo: true,
    retryStrategy: (times) => Math.min(200 * times, 2_000),
  };
}

async function fileOf(path: string, what: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CallsealError('BAD_CONFIG', `the ${what} of Redis cannot be read`, { cause });
  });
}

/** For whoever waits for the reply: fails in milliseconds while Redis is away. Connects with `connect`. */
export function failingFast(options: SharedOptions): Redis {
  return new Redis({
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: REPLY_MS,
  });
}

/** For whoever has time: what is asked while Redis is away is answered once it is back. Connects at once. */
export class PatientRedis extends Redis {
  readonly #duplicates: Redis[] = [];

  constructor(options: SharedOptions) {
    super({ ...options, maxRetriesPerRequest: null });
    hush(this);
  }

  override duplicate(options?: Partial<RedisOptions>): Redis {
    const duplicate = super.duplicate(options);
    hush(duplicate);
    this.#duplicates.push(duplicate);
    return duplicate;
  }

  /** Leaves at once, with every connection that was made from this one. What was asked may stay unanswered. */
  leave(): void {
    for (const one of [...this.#duplicates, this]) one.disconnect();
  }
}

/** Before its owner listens and after it stopped, an error that nobody hears would be printed. */
function hush(client: Redis): void {
  client.on('error', () => undefined);
}
