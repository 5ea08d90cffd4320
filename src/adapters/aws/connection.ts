import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { CallsealError } from '../../domain/errors.ts';
import { credentialsFile } from './credentials-file.ts';
import { type HttpsHandler, httpsHandler } from './https-handler.ts';

/** How a service of AWS, or one that speaks like it, is reached. */
export interface ConnectionOptions {
  readonly region: string;
  /** Another endpoint than the region's own; https. */
  readonly endpoint?: string;
  /** PEM file of the only authorities that are trusted; null: those that Node.js ships. */
  readonly ca?: string | null;
  /** Absent: the machine's or container's role, as the SDK finds it. */
  readonly credentialsFile?: string;
  readonly minVersion?: 'TLSv1.3' | 'TLSv1.2';
  /** Most connections at a time; further requests wait in order. */
  readonly maxSockets?: number;
  /** A connection on which no byte moves for so long is given up. */
  readonly idleTimeoutMs?: number;
}

interface Connection {
  readonly region: string;
  readonly maxAttempts: 1;
  readonly cacheMiddleware: true;
  readonly requestHandler: HttpsHandler;
  readonly logger: typeof SILENT;
  readonly endpoint?: string;
  readonly credentials?: ReturnType<typeof credentialsFile>;
}

const quiet = (): void => undefined;
/** The SDK tells its logger, by default the console, what was sent and answered: names, and bodies that failed. */
const SILENT = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet };

/**
 * What every AWS client of ours is made with. Retries are ours and counted, so the SDK has one attempt.
 *
 * @throws CallsealError BAD_CONFIG - an endpoint without TLS
 */
export function connection(options: ConnectionOptions): Connection {
  const { region, endpoint, ca, maxSockets = 64, idleTimeoutMs = 30_000 } = options;
  if (endpoint !== undefined && !endpoint.startsWith('https://')) {
    throw new CallsealError('BAD_CONFIG', 'an AWS endpoint is spoken to over https only', {
      hint: 'say https:// in the endpoint, on loopback too',
    });
  }
  // An instance, not options: with options the SDK opens a new connection for each large body, without `ca`.
  const agent = new Agent({
    keepAlive: true,
    maxSockets,
    timeout: idleTimeoutMs,
    minVersion: options.minVersion ?? 'TLSv1.3',
    ...(ca && { ca: readFileSync(ca) }),
  });
  return {
    region,
    maxAttempts: 1,
    cacheMiddleware: true,
    requestHandler: httpsHandler(agent),
    logger: SILENT,
    ...(endpoint !== undefined && { endpoint }),
    ...(options.credentialsFile !== undefined && { credentials: credentialsFile(options.credentialsFile) }),
  };
}
