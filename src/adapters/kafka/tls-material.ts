import { readFile } from 'node:fs/promises';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import { CallsealError } from '../../domain/errors.ts';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.3' | 'TLSv1.2';
}

export interface TlsMaterial {
  /** Opens one connection, under the newest material that could be read. */
  readonly open: (at: { host: string; port: number; onConnect: () => void }) => Socket;
  readonly stop: () => void;
}

/** How often the files are read again: a renewed certificate is in use this long after it was put there. */
const REFRESH_MS = 60_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * The client reads TLS files once and for ever, so a long-lived worker would one day connect with a certificate that
 * has expired. Here the files are read again every minute; what cannot be read or does not fit together is passed
 * over, and the material before it stays in use.
 *
 * @throws CallsealError BAD_CONFIG - the first reading failed
 */
export async function tlsMaterial(files: TlsFiles, refreshMs = REFRESH_MS): Promise<TlsMaterial> {
  let current = await read(files).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CallsealError('BAD_CONFIG', `kafka.tls cannot be used: ${why}`, { cause });
  });
  const refresh = async (): Promise<void> => {
    current = await read(files).catch(() => current);
  };
  const timer = setInterval(() => void refresh(), refreshMs).unref();
  return {
    open: ({ host, port, onConnect }) => {
      const socket = connect({ host, port, ...serverName(host), secureContext: current }, onConnect);
      return socket.setKeepAlive(true, KEEP_ALIVE_MS);
    },
    stop: () => clearInterval(timer),
  };
}

async function read({ ca, cert, key, minVersion }: TlsFiles): Promise<SecureContext> {
  const [caPem, certPem, keyPem] = await Promise.all([readFile(ca), readFile(cert), readFile(key)]);
  return createSecureContext({ ca: caPem, cert: certPem, key: keyPem, minVersion });
}

/** An address has no name to ask for. */
function serverName(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** For brokers on loopback without TLS. */
export const plaintextMaterial: TlsMaterial = {
  open: ({ host, port, onConnect }) =>
    connectPlain({ host, port }, onConnect).setKeepAlive(true, KEEP_ALIVE_MS),
  stop: () => undefined,
};
