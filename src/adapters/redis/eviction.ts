import type { Redis } from 'ioredis';
import { CallsealError } from '../../domain/errors.ts';

const NEEDED = 'noeviction';

/**
 * Redis must refuse to write when it is full. With any other policy it throws away keys instead, half a queue among
 * them, and nobody is told.
 *
 * @throws CallsealError BAD_CONFIG
 */
export async function refuseEviction(client: Redis): Promise<void> {
  const [, policy] = (await client.config('GET', 'maxmemory-policy')) as readonly unknown[];
  if (policy === NEEDED) return;
  const found = typeof policy === 'string' && /^[a-z-]{1,32}$/.test(policy) ? policy : 'not known';
  throw new CallsealError('BAD_CONFIG', `the maxmemory-policy of Redis is ${found}: it must be ${NEEDED}`, {
    hint: `redis-cli config set maxmemory-policy ${NEEDED}, and the same in redis.conf`,
  });
}
