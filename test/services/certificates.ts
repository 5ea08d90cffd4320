import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Throwaway certificates of a test's own, below `folder`; every name is a file. */
export interface Authority {
  readonly ca: string;
  /** @param days - from now; 0 has ended when it is made */
  issue(name: string, days: number, altName?: string): { readonly cert: string; readonly key: string };
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function makeAuthority(folder: string, name = 'ca', days = 365): Authority {
  const at = (file: string): string => join(folder, file);
  const openssl = (...words: readonly string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
  const [ca, caKey] = [at(`${name}.crt`), at(`${name}.key`)];
  openssl(
    'req',
    '-x509',
    ...CURVE,
    '-days',
    String(days),
    '-subj',
    `/CN=${name}`,
    '-keyout',
    caKey,
    '-out',
    ca,
  );
  return {
    ca,
    issue: (leaf, leafDays, altName = 'DNS:localhost,IP:127.0.0.1') => {
      const [key, request, cert, extensions] = ['key', 'csr', 'crt', 'ext'].map((end) =>
        at(`${leaf}.${end}`),
      );
      if (!key || !request || !cert || !extensions) throw new Error('unreachable');
      openssl('req', ...CURVE, '-subj', `/CN=${leaf}`, '-keyout', key, '-out', request);
      writeFileSync(extensions, `subjectAltName=${altName}\n`);
      const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', String(leafDays)];
      openssl('x509', '-req', '-in', request, ...signed, '-extfile', extensions, '-out', cert);
      return { cert, key };
    },
  };
}
