/**
 * A stand-in for AWS KMS, for tests only. It keeps keys in clear in a file and protects nothing.
 *
 * usage: node test/services/kms/main.ts --port N --cert FILE --key FILE --data FOLDER --seed FILE --secrets FOLDER [--region NAME]
 *
 * Listens on 127.0.0.1 over TLS; port 0 takes a free one. Says `listening on https://localhost:PORT` on stdout when it
 * answers. State is in FOLDER: keys.ndjson (synced before each reply) and requests.ndjson (the request log). SECRETS holds
 * kms-ROLE, an AWS credentials file for each role of the seed, and kms-admin, the secret of the admin endpoint.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Faults } from './faults.ts';
import { KeyStore } from './key-store.ts';
import type { Kms } from './kms.ts';
import { RequestLog } from './request-log.ts';
import { plant, readAdminSecret, readCallers, readSeed } from './seed.ts';
import { kmsServer } from './server.ts';

const needed = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    port: needed,
    cert: needed,
    key: needed,
    data: needed,
    seed: needed,
    secrets: needed,
    region: { type: 'string', default: 'us-east-1' },
  },
});

function given(name: Exclude<keyof typeof values, 'region'>): string {
  const value = values[name];
  if (value !== undefined) return value;
  process.stderr.write(`kms stand-in: --${name} is missing\n`);
  process.exit(2);
}

const seed = readSeed(given('seed'));
const store = new KeyStore(join(given('data'), 'keys.ndjson'), values.region, seed.account);
plant(seed, store);
const kms: Kms = {
  region: values.region,
  store,
  callers: readCallers(seed, given('secrets')),
  admin: {
    secret: readAdminSecret(given('secrets')),
    faults: new Faults(),
    log: new RequestLog(join(given('data'), 'requests.ndjson')),
    deny: [],
  },
};

const server = kmsServer(kms, { certFile: given('cert'), keyFile: given('key') });
server.listen(Number(given('port')), '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.stderr.write(
    'kms stand-in: FOR TESTS ONLY. Keys lie in clear in a file; never use it for real calls.\n',
  );
  process.stdout.write(`listening on https://localhost:${port}\n`);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close(() => {
      store.close();
      kms.admin.log.close();
    });
    server.closeAllConnections();
  });
}
