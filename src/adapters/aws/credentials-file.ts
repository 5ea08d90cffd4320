import { readFile } from 'node:fs/promises';
import { CallsealError } from '../../domain/errors.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration: Date;
}

/** The SDK asks again five minutes before; so a secret that was replaced is read within this time less five minutes. */
const VALID_MS = 10 * 60_000;

/**
 * Credentials from the `[default]` section of an AWS credentials file, read again while the process runs. No other
 * source of credentials is looked at.
 *
 * @throws CallsealError BAD_CONFIG - in words that quote nothing of the file
 */
export function credentialsFile(path: string): () => Promise<Credentials> {
  return async () => {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw new CallsealError('BAD_CONFIG', 'a credentials file cannot be read', { cause });
    });
    const values = defaultSection(text);
    const accessKeyId = values.get('aws_access_key_id');
    const secretAccessKey = values.get('aws_secret_access_key');
    const sessionToken = values.get('aws_session_token');
    if (!accessKeyId || !secretAccessKey) {
      throw new CallsealError('BAD_CONFIG', 'a credentials file has no access key in its [default] section');
    }
    const expiration = new Date(Date.now() + VALID_MS);
    return { accessKeyId, secretAccessKey, expiration, ...(sessionToken && { sessionToken }) };
  };
}

function defaultSection(text: string): Map<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n').map((one) => one.trim())) {
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header.trim();
    const equals = line.indexOf('=');
    if (section !== 'default' || equals < 0 || /^[#;]/.test(line)) continue;
    values.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  return values;
}
