import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';

interface Target {
  readonly port: number;
  /** The file of the CA that the server's certificate must be of. */
  readonly ca: string;
  /** PostgreSQL begins in clear and is asked to change to TLS. */
  readonly postgres?: boolean;
}

const GIVE_UP_MS = 5_000;

/** SSLRequest of PostgreSQL's protocol: length 8, code 80877103. The answer is one byte, `S` for yes. */
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

/** Whether a TLS handshake with localhost:port succeeds, for the name `localhost` and our CA. */
export async function answersOverTls({ port, ca, postgres = false }: Target): Promise<boolean> {
  const plain = connectPlain({ host: '127.0.0.1', port });
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  try {
    await once(plain, 'connect', { signal });
    if (postgres && !(await agreesToTls(plain, signal))) return false;
    const socket = connect({ socket: plain, servername: 'localhost', ca: readFileSync(ca) });
    await once(socket, 'secureConnect', { signal });
    return true;
  } catch {
    return false;
  } finally {
    plain.destroy();
  }
}

async function agreesToTls(plain: ReturnType<typeof connectPlain>, signal: AbortSignal): Promise<boolean> {
  plain.write(SSL_REQUEST);
  const [answer] = (await once(plain, 'data', { signal })) as [Buffer];
  return answer.toString('latin1') === 'S';
}
