import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect, type DetailedPeerCertificate, type SecureVersion, type TLSSocket } from 'node:tls';
import { bad, certificateFinding, down, type Finding, loud, ok } from '../../domain/findings.ts';

export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** PEM file of the only authorities that are trusted; null: those that Node.js ships. */
  readonly ca?: string | null | undefined;
  readonly minVersion?: SecureVersion | undefined;
  /** PEM files of our own side, where the server asks for it. */
  readonly client?: { readonly cert: string; readonly key: string };
  /** Begins in clear and is asked to change to TLS. */
  readonly protocol?: 'postgres';
}

export interface TlsLook {
  readonly findings: readonly Finding[];
  /** The work's own clients would speak to it. */
  readonly usable: boolean;
}

const GIVE_UP_MS = 10_000;

/**
 * One handshake, closed without a word. It is carried through with a certificate that is not believed too, to say
 * what is wrong with it.
 *
 * @throws the signal's reason
 */
export async function probeTls(target: TlsTarget, signal: AbortSignal): Promise<TlsLook> {
  const { host, port } = target;
  const at = `${host}:${port}`;
  let reached = false;
  const socket = connectPlain({ host, port });
  try {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(GIVE_UP_MS)]);
    await once(socket, 'connect', { signal: patience });
    reached = true;
    if (target.protocol === 'postgres' && !(await agreesToTls(socket, patience))) return noTls(at);
    return lookOf(await shakeHands(socket, target, patience), target);
  } catch (error) {
    signal.throwIfAborted();
    return notUsable(reached ? handshakeFailure(at, error) : nobody(at, error));
  } finally {
    socket.destroy();
  }
}

/** SSLRequest of PostgreSQL's protocol: length 8, code 80877103. The answer is one byte, `S` for yes. */
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

async function agreesToTls(plain: Socket, signal: AbortSignal): Promise<boolean> {
  plain.write(SSL_REQUEST);
  const [answer]: unknown[] = await once(plain, 'data', { signal });
  return Buffer.isBuffer(answer) && answer.toString('latin1') === 'S';
}

async function shakeHands(plain: Socket, target: TlsTarget, signal: AbortSignal): Promise<TLSSocket> {
  const { host, ca, client, minVersion = 'TLSv1.3' } = target;
  const socket = connect({
    socket: plain,
    host,
    // An address has no name to ask for.
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca && { ca: await readFile(ca) }),
    ...(client && { cert: await readFile(client.cert), key: await readFile(client.key) }),
    minVersion,
    // Nothing is sent: the handshake shall end, so that the certificate can be looked at.
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect', { signal });
  return socket;
}

function lookOf(socket: TLSSocket, { host, port }: TlsTarget): TlsLook {
  const at = `${host}:${port}`;
  const chain = [...chainOf(socket.getPeerCertificate(true))];
  const until = new Date(Math.min(...chain.map(({ valid_to: end }) => Date.parse(end))));
  const version = socket.getProtocol() ?? 'unknown';
  const spoken = `${version} with ${at}`;
  const tls =
    version === 'TLSv1.3'
      ? ok('tls', spoken)
      : loud('tls', spoken, 'remove minVersion: TLSv1.2 from this block once the other side speaks TLS 1.3');
  const distrust = distrustOf(socket);
  const certificate =
    distrust === undefined || distrust === 'CERT_HAS_EXPIRED'
      ? certificateFinding(until, new Date(), at)
      : distrusted(at, distrust);
  return { findings: [tls, certificate], usable: distrust === undefined };
}

/** From the server's own to the authority; a self-signed one names itself as its issuer. */
function* chainOf(first: DetailedPeerCertificate): Generator<DetailedPeerCertificate, void, undefined> {
  const seen = new Set<DetailedPeerCertificate>();
  for (
    let one: DetailedPeerCertificate | undefined = first;
    one && !seen.has(one);
    one = one.issuerCertificate
  ) {
    seen.add(one);
    yield one;
  }
}

/** Node.js's word for why the certificate is not believed; its types say an Error, what it gives is the code. */
function distrustOf({ authorized, authorizationError }: TLSSocket): string | undefined {
  if (authorized) return undefined;
  const why: unknown = authorizationError;
  if (typeof why === 'string') return why;
  return why instanceof Error && 'code' in why ? String(why.code) : 'not authorized';
}

function distrusted(at: string, code: string): Finding {
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    ? bad(
        'certificate',
        `is for another name than ${at}`,
        'name the host as its certificate does, or renew that with this name',
      )
    : bad(
        'certificate',
        `of ${at} is not believed (${code})`,
        'ca in this block must hold the authority that signed it',
      );
}

function noTls(at: string): TlsLook {
  return notUsable(bad('tls', `${at} speaks no TLS`, 'turn TLS on there; plaintext is for loopback only'));
}

function handshakeFailure(at: string, error: unknown): Finding {
  const code = codeOf(error);
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS/.test(code)) {
    const hint = 'let it speak TLS 1.3, or accept less in this block alone: minVersion: TLSv1.2';
    return bad('tls', `${at} does not speak the TLS version that is asked for`, hint);
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code))
    return bad('tls', `${at} speaks no TLS`, 'look at the port');
  if (/^(ENOENT|EACCES|EISDIR)$|PEM|ASN1/.test(code)) {
    return bad(
      'tls',
      `a file of certificates or keys for ${at} cannot be read (${code})`,
      'look at the paths in this block',
    );
  }
  if (code.startsWith('ERR_'))
    return bad('tls', `no handshake with ${at} (${code})`, 'look at the server log there');
  return down(
    'tls',
    `${at} took the connection and does not answer (${code})`,
    `is what runs at ${at} well?`,
  );
}

function nobody(at: string, error: unknown): Finding {
  return down(
    'tls',
    `${at} cannot be reached (${codeOf(error)})`,
    `is it up, and may this machine reach ${at}?`,
  );
}

function notUsable(finding: Finding): TlsLook {
  return { findings: [finding], usable: false };
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown';
  // `once` wraps what a signal says.
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return 'no answer in time';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
