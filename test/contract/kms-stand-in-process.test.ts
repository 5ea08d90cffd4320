import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  type KMSClient,
  ListAliasesCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KmsAdmin } from '../services/kms-admin.ts';
import { refusal } from '../services/kms-contract/kms-user.ts';
import { accessKeyOf, type KmsProcess, startKms } from '../services/kms-process.ts';

/** What only the stand-in has: its seed and roles, its admin endpoint, and a process that can be killed. */

const CONTEXT = { tenant: 't-42', callUid: 'c-1', class: 'phi' };
const PHI = 'alias/t-42-phi';

let folder: string;
let kms: KmsProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-kms-'));
  kms = await startKms(folder);
});
afterEach(async () => {
  await kms.admin.setFaults();
  await kms.admin.setDenyRules();
});
afterAll(async () => {
  await kms.stop();
  rmSync(folder, { recursive: true });
});

async function dataKey(client: KMSClient, KeyId = PHI) {
  return await client.send(
    new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext: CONTEXT }),
  );
}

async function open(client: KMSClient, CiphertextBlob: Uint8Array | undefined, KeyId = PHI) {
  return await client.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionContext: CONTEXT }));
}

async function restart(end: 'kill' | 'stop' = 'kill') {
  await kms[end]();
  kms = await startKms(folder);
}

describe('the seed', () => {
  test('there are keys for every tenant and for the product', async () => {
    const { Aliases } = await kms.client('root').send(new ListAliasesCommand({}));
    const names = Aliases?.map((alias) => alias.AliasName);
    for (const tenant of ['t-1', 't-2', 't-3', 't-42']) {
      expect(names).toEqual(expect.arrayContaining([`alias/${tenant}-phi`, `alias/${tenant}-voice`]));
    }
    expect(names).toEqual(expect.arrayContaining(['alias/callseal-dlq', 'alias/callseal-backup']));
  });

  test('aliases come in pages', async () => {
    const client = kms.client('root');
    const all = await client.send(new ListAliasesCommand({}));
    const first = await client.send(new ListAliasesCommand({ Limit: 5 }));
    const rest = await client.send(new ListAliasesCommand({ Marker: first.NextMarker }));
    expect(first).toMatchObject({ Truncated: true, Aliases: { length: 5 } });
    expect([...(first.Aliases ?? []), ...(rest.Aliases ?? [])]).toEqual(all.Aliases);
  });
});

describe('rights', () => {
  test('the worker encrypts to the backup key and cannot decrypt with it; recovery can', async () => {
    const worker = kms.client('worker');
    const sealed = await dataKey(worker);
    const backup = await worker.send(
      new ReEncryptCommand({
        CiphertextBlob: sealed.CiphertextBlob,
        SourceKeyId: PHI,
        SourceEncryptionContext: CONTEXT,
        DestinationKeyId: 'alias/callseal-backup',
        DestinationEncryptionContext: CONTEXT,
      }),
    );
    const back = new ReEncryptCommand({
      CiphertextBlob: backup.CiphertextBlob,
      SourceEncryptionContext: CONTEXT,
      DestinationKeyId: PHI,
    });
    expect(await refusal(open(worker, backup.CiphertextBlob, 'alias/callseal-backup'))).toBe(
      'AccessDeniedException',
    );
    expect(await refusal(worker.send(back))).toBe('AccessDeniedException');
    const recovered = await open(kms.client('recovery'), backup.CiphertextBlob, 'alias/callseal-backup');
    expect(recovered.Plaintext).toEqual(sealed.Plaintext);
  });

  test('the worker changes no key, the auditor uses none, the intruder does nothing', async () => {
    const { KeyId = '' } = await dataKey(kms.client('root'));
    expect(await refusal(kms.client('worker').send(new DisableKeyCommand({ KeyId })))).toBe(
      'AccessDeniedException',
    );
    expect(await refusal(kms.client('worker').send(new CreateKeyCommand({})))).toBe('AccessDeniedException');
    expect(await refusal(dataKey(kms.client('auditor')))).toBe('AccessDeniedException');
    expect(await refusal(kms.client('auditor').send(new DescribeKeyCommand({ KeyId })))).toBe('none');
    expect(await refusal(kms.client('intruder').send(new DescribeKeyCommand({ KeyId })))).toBe(
      'AccessDeniedException',
    );
  });

  test('a right is taken away and given back while it runs', async () => {
    await kms.admin.setDenyRules({ actions: ['GenerateDataKey'], keys: [PHI] });
    expect(await refusal(dataKey(kms.client('worker')))).toBe('AccessDeniedException');
    expect(await refusal(dataKey(kms.client('worker'), 'alias/t-1-phi'))).toBe('none');
    await kms.admin.setDenyRules();
    expect(await refusal(dataKey(kms.client('worker')))).toBe('none');
  });
});

describe('signatures of requests', () => {
  test('a wrong secret and an unknown access key are refused as AWS does', async () => {
    expect(await refusal(dataKey(kms.client('root', 'wrong')))).toBe('InvalidSignatureException');
    const stranger = kms.client('root');
    stranger.config.credentials = async () =>
      await Promise.resolve({ accessKeyId: 'STRANGER', secretAccessKey: 'x' });
    expect(await refusal(dataKey(stranger))).toBe('UnrecognizedClientException');
  });

  test.for([
    [
      'another body',
      (request: Outgoing) =>
        void (request.body = new TextEncoder().encode(
          new TextDecoder().decode(request.body).replace('AES_256', 'AES_128'),
        )),
    ],
    [
      'another operation',
      (request: Outgoing) => void (request.headers['x-amz-target'] = 'TrentService.Decrypt'),
    ],
    [
      'an x-amz- header that is not signed',
      (request: Outgoing) => void (request.headers['x-amz-more'] = '1'),
    ],
    [
      'an old date',
      (request: Outgoing) => void (request.headers['x-amz-date'] = '20200101T000000Z'),
      'IncompleteSignatureException',
    ],
    [
      'no signature',
      (request: Outgoing) => void delete request.headers['authorization'],
      'MissingAuthenticationTokenException',
    ],
    [
      'half a signature',
      (request: Outgoing) => void (request.headers['authorization'] = 'AWS4-HMAC-SHA256 Credential=x'),
      'IncompleteSignatureException',
    ],
  ] as [string, (request: Outgoing) => void, string?][])(
    'a request with %s after signing is refused',
    async ([, change, name]) => {
      const client = kms.client('root');
      const handler = client.config.requestHandler;
      const handle = handler.handle.bind(handler);
      handler.handle = async (request, options) => {
        change(request);
        return await handle(request, options);
      };
      expect(await refusal(dataKey(client))).toBe(name ?? 'InvalidSignatureException');
    },
  );
});

interface Outgoing {
  headers: Record<string, string>;
  body: Uint8Array;
}

describe('the request log', () => {
  test('tells who asked what of which key under which context, by the request id that the caller was given', async () => {
    const reply = await dataKey(kms.client('worker'));
    const entry = (await kms.admin.requests()).find((one) => one.requestId === reply.$metadata.requestId);
    expect(entry).toMatchObject({
      accessKeyId: accessKeyOf('worker'),
      role: 'worker',
      operation: 'GenerateDataKey',
      keyArn: reply.KeyId,
      keyMaterialId: reply.KeyMaterialId,
      encryptionContext: CONTEXT,
      outcome: 'ok',
    });
  });

  test('tells refusals with their exception, and never a key or a plaintext', async () => {
    const client = kms.client('worker');
    const { CiphertextBlob, Plaintext } = await dataKey(client);
    await refusal(open(client, CiphertextBlob, 'alias/t-1-phi'));
    expect((await kms.admin.requests()).at(-1)).toMatchObject({
      operation: 'Decrypt',
      outcome: 'IncorrectKeyException',
    });
    const log = readFileSync(join(folder, 'data/requests.ndjson'), 'utf8');
    expect(log).not.toContain(Buffer.from(Plaintext ?? []).toString('base64'));
  });

  test('is closed to everybody without the admin secret', async () => {
    const ca = readFileSync(join(folder, 'cert.pem'), 'utf8');
    await expect(new KmsAdmin(kms.endpoint, ca, 'admin-secreT').requests()).rejects.toThrow('401');
  });
});

describe('faults on demand', () => {
  test('throttling happens as often as asked, for the role and key it was asked for', async () => {
    await kms.admin.setFaults({
      effect: 'throttle',
      operation: 'GenerateDataKey',
      role: 'worker',
      key: PHI,
      times: 2,
    });
    const worker = kms.client('worker');
    expect(await refusal(dataKey(worker, 'alias/t-1-phi'))).toBe('none');
    expect(await refusal(dataKey(kms.client('operator')))).toBe('none');
    expect(await refusal(dataKey(worker))).toBe('ThrottlingException');
    expect(await kms.admin.faultsInForce()).toMatchObject([{ effect: 'throttle', times: 1 }]);
    expect(await refusal(dataKey(worker))).toBe('ThrottlingException');
    expect(await refusal(dataKey(worker))).toBe('none');
  });

  test('an internal error is one of the server', async () => {
    await kms.admin.setFaults({ effect: 'internal-error', times: 1 });
    await expect(dataKey(kms.client('worker'))).rejects.toMatchObject({
      name: 'KMSInternalException',
      $fault: 'server',
    });
  });

  test('a dropped reply leaves its work done and logged, a dropped request leaves nothing', async () => {
    const worker = kms.client('worker');
    const before = (await kms.admin.requests()).length;
    await kms.admin.setFaults({ effect: 'drop-request', times: 1 }, { effect: 'drop-reply', times: 1 });
    await expect(dataKey(worker)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await kms.admin.requests()).toHaveLength(before);
    await expect(dataKey(worker)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await kms.admin.requests()).slice(before)).toMatchObject([{ outcome: 'ok', replyDropped: true }]);
  });

  test('a delay lets later requests overtake', async () => {
    await kms.admin.setFaults({ effect: 'delay', delayMs: 300, times: 1 });
    const order: string[] = [];
    const slow = dataKey(kms.client('worker')).then(() => order.push('first'));
    // Only once the delay is taken by the first request may the second be sent.
    await expect.poll(async () => await kms.admin.faultsInForce()).toEqual([]);
    await dataKey(kms.client('worker')).then(() => order.push('second'));
    await slow;
    expect(order).toEqual(['second', 'first']);
  });

  test('a misspelt fault is refused', async () => {
    const misspelt = { effect: 'throttle', opperation: 'Decrypt' } as const;
    await expect(kms.admin.setFaults(misspelt)).rejects.toThrow('400');
  });
});

describe('kill -9', () => {
  test('keys, rotations, states, aliases and the request log are all there after it', async () => {
    const root = kms.client('root');
    const { KeyMetadata } = await root.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId ?? '';
    const old = await dataKey(root, KeyId);
    await root.send(new RotateKeyOnDemandCommand({ KeyId }));
    await root.send(new CreateAliasCommand({ AliasName: 'alias/after-kill', TargetKeyId: KeyId }));
    const now = await dataKey(root, KeyId);
    const disabled = await root.send(new CreateKeyCommand({}));
    await root.send(new DisableKeyCommand({ KeyId: disabled.KeyMetadata?.KeyId }));
    const signing = await root.send(new GetPublicKeyCommand({ KeyId: 'alias/callseal-audit-sign' }));
    const log = await kms.admin.requests();

    await restart('kill');
    const again = kms.client('root');
    expect(await open(again, old.CiphertextBlob, KeyId)).toMatchObject({
      KeyMaterialId: old.KeyMaterialId,
      Plaintext: old.Plaintext,
    });
    expect(await dataKey(again, 'alias/after-kill')).toMatchObject({ KeyMaterialId: now.KeyMaterialId });
    const { KeyMetadata: still } = await again.send(
      new DescribeKeyCommand({ KeyId: disabled.KeyMetadata?.KeyId }),
    );
    expect(still).toMatchObject({ KeyState: 'Disabled' });
    const { PublicKey } = await again.send(new GetPublicKeyCommand({ KeyId: 'alias/callseal-audit-sign' }));
    expect(PublicKey).toEqual(signing.PublicKey);
    expect((await kms.admin.requests()).slice(0, log.length)).toEqual(log);
  });

  test('nothing that was answered is lost, whenever it comes', async () => {
    const answered: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const client = kms.client('root');
      const storm = Array.from({ length: 40 }, async (_, index) => {
        const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
        answered.push(KeyMetadata?.KeyId ?? '');
        if (index === 10 + round * 10) await kms.kill();
      });
      await Promise.allSettled(storm);
      await restart();
    }
    expect(answered.length).toBeGreaterThan(5);
    const client = kms.client('root');
    for (const KeyId of answered) expect(await refusal(dataKey(client, KeyId))).toBe('none');
  });

  test('a half-written last line is dropped, a damaged line before it stops the start', async () => {
    const journal = join(folder, 'data/keys.ndjson');
    await kms.kill();
    const whole = readFileSync(journal, 'utf8');
    appendFileSync(journal, '{"at":1,"change":"key-ma');
    kms = await startKms(folder);
    expect(readFileSync(journal, 'utf8')).toBe(whole);
    await kms.kill();
    writeFileSync(journal, `{"at":1,"change":"key-ma\n${whole}`);
    await expect(startKms(folder)).rejects.toThrow('did not start');
    writeFileSync(journal, whole);
    kms = await startKms(folder);
  });
});

test('a key whose deletion date has passed is gone, and one whose deletion was cancelled in time is not', async () => {
  const root = kms.client('root');
  const [gone, kept] = [
    await root.send(new CreateKeyCommand({})),
    await root.send(new CreateKeyCommand({})),
  ].map(({ KeyMetadata }) => KeyMetadata?.KeyId ?? '');
  await kms.kill();
  const scheduled = { at: 1, change: 'state-set', state: 'PendingDeletion', deletionMs: 2 };
  const changes = [
    { ...scheduled, keyId: gone },
    { ...scheduled, keyId: kept },
    { at: 1, change: 'state-set', state: 'Disabled', keyId: kept },
  ];
  appendFileSync(
    join(folder, 'data/keys.ndjson'),
    changes.map((change) => `${JSON.stringify(change)}\n`).join(''),
  );
  kms = await startKms(folder);
  expect(await refusal(dataKey(kms.client('root'), gone))).toBe('NotFoundException');
  expect(await refusal(dataKey(kms.client('root'), kept))).toBe('DisabledException');
});

test('a key is rotated on demand 25 times and no more', async () => {
  const root = kms.client('root');
  const { KeyMetadata } = await root.send(new CreateKeyCommand({}));
  const rotate = new RotateKeyOnDemandCommand({ KeyId: KeyMetadata?.KeyId });
  const first = await dataKey(root, KeyMetadata?.KeyId);
  for (let rotation = 0; rotation < 25; rotation += 1) await root.send(rotate);
  expect(await refusal(root.send(rotate))).toBe('LimitExceededException');
  expect((await open(root, first.CiphertextBlob, KeyMetadata?.KeyId)).Plaintext).toEqual(first.Plaintext);
});
