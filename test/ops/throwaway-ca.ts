import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority for one test, in a folder that the test removes. */
export function throwawayCa() {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-ca-'));
  const openssl = (...words: string[]): void => {
    execFileSync('openssl', words, { stdio: 'ignore' });
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const at = (file: string): string => join(folder, file);
  const root = ['-days', '2', '-subj', '/CN=throwaway', '-keyout', at('ca.key'), '-out', at('ca.pem')];
  openssl('req', '-x509', ...newKey, ...root);
  return {
    folder,
    caPath: at('ca.pem'),
    ca: readFileSync(at('ca.pem'), 'utf8'),
    /** A certificate for 127.0.0.1, for either side. */
    issue(name: string, days = 2): Pair {
      const keyPath = at(`${name}.key`);
      const certPath = at(`${name}.pem`);
      openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', keyPath, '-out', at(`${name}.csr`));
      writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1\n');
      const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
      openssl('x509', '-req', '-days', String(days), ...by, '-in', at(`${name}.csr`), '-out', certPath);
      return {
        certPath,
        keyPath,
        cert: readFileSync(certPath, 'utf8'),
        key: readFileSync(keyPath, 'utf8'),
      };
    },
  };
}
