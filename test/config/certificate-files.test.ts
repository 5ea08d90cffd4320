import { expect, test } from 'vitest';
import { certificateFiles } from '../../src/config/certificate-files.ts';
import { load } from './loading.ts';

test('a certificate file is known by its setting, and a tenant by none', async () => {
  const { settings } = await load('production', '', {
    folder: process.cwd(),
    file: undefined,
  });
  expect(certificateFiles(settings)).toEqual({
    'kafka.tls.ca': '/run/secrets/ca.pem',
    'kafka.tls.cert': '/run/secrets/worker.pem',
    'registry.ca': '/run/secrets/ca.pem',
    'jobs.ca': '/run/secrets/ca.pem',
  });
});

test('the embedded profile has no certificate file', async () => {
  expect(certificateFiles((await load('local')).settings)).toEqual({});
});
