import type { RedisConnectionOptions } from '../../src/adapters/redis/connection.ts';
import { servicesEnv } from './env.ts';

/** As the worker's ACL user, on the Redis of one base. */
export function redisOf(base?: number): RedisConnectionOptions {
  const { redis, tls } = servicesEnv(base);
  return { host: redis.host, port: redis.port, ...redis.users.callseal, ca: tls.ca };
}
