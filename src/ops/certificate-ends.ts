import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** When what stands in the file of a setting ends. */
export interface CertificateEnd {
  /** The setting's name, never its path. */
  readonly setting: string;
  readonly endsAt: Date;
}

/**
 * Reads the files as they are now: a rotation replaces them under a running process. One that cannot be read or holds
 * no certificate is left out; what needs it fails with a code of its own.
 *
 * @param files - paths of PEM files by setting; one that ends in `.ca` is a bundle of authorities
 */
export async function certificateEnds(files: Readonly<Record<string, string>>): Promise<CertificateEnd[]> {
  const ends = await Promise.all(
    Object.entries(files).map(async ([setting, path]) => {
      const endsAt = endOf(await readFile(path, 'utf8').catch(() => ''), setting.endsWith('.ca'));
      return endsAt === undefined ? [] : [{ setting, endsAt }];
    }),
  );
  return ends.flat();
}

/**
 * A chain is good for as long as the first of it to end. A bundle holds the next authority beside the one that it
 * follows for as long as a rotation takes, so it is good for as long as its last.
 */
export function endOf(pem: string, isBundle: boolean): Date | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    const ends = blocks.map((block) => Date.parse(new X509Certificate(block).validTo));
    return ends.length === 0 ? undefined : new Date(isBundle ? Math.max(...ends) : Math.min(...ends));
  } catch {
    return undefined;
  }
}
