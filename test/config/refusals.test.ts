import { expect, test } from 'vitest';
import { load, refusals } from './loading.ts';

/** What is refused at the start: on top of which profile, the settings, and words of the sentence that refuses them. */
const REFUSED: readonly (readonly [rule: string, profile: string, overlay: string, said: string])[] = [
  [
    'an unknown key',
    'local',
    'budgets: { memroy: 1MiB }',
    'budgets.memroy is no setting here, did you mean memory?',
  ],
  [
    'a size without a unit',
    'local',
    'budgets: { memory: 268435456 }',
    'budgets.memory must be a size such as 256MiB, not 268435456',
  ],
  ['a list where a map belongs', 'local', 'retry: [1]', 'retry must be a map, not [1]'],
  [
    'a kind that does not exist',
    'local',
    'objects: { kind: s4 }',
    'objects.kind is of no kind that exists here, "s4"',
  ],
  [
    'a choice that does not exist',
    'local',
    'policies: { default: { numericIds: maybe } }',
    'policies.default.numericIds must be warn or refuse, not "maybe"',
  ],
  [
    'consent that would be shredded on withdrawal',
    'local',
    'policies: { default: { consent: { onWithdrawal: shred } } }',
    'policies.default.consent.onWithdrawal must be keep, not "shred"',
  ],
  [
    'a kind that never travels',
    'local',
    'policies: { default: { transcriptEvents: [audio] } }',
    'policies.default.transcriptEvents.0 must be transcript or redacted-transcript or summary, not "audio"',
  ],
  [
    'an account that is a number',
    'production',
    'objects: { expectedOwner: 111122223333 }',
    "objects.expectedOwner must be an account of 12 digits in quotes, such as '111122223333', not 111122223333",
  ],
  [
    'a tenant that is no id',
    'local',
    'tenants: { "a/b": { policy: default } }',
    'tenants."a/b" must be an opaque id',
  ],
  [
    'a name that reaches a prototype',
    'local',
    'tenants: { __proto__: { policy: default } }',
    '__proto__ can be no setting',
  ],
  [
    'YAML with a key twice',
    'local',
    'data: a\ndata: b',
    'overlay.yaml is no valid YAML: DUPLICATE_KEY at line 2',
  ],
  [
    'YAML with an alias',
    'local',
    'data: &x a\nprofile: *x',
    'overlay.yaml is no valid YAML: an alias stands in it',
  ],
  ['a file that is no map', 'local', '- a', 'overlay.yaml is no map of settings'],
  [
    'another profile in the file than asked for',
    'local',
    'profile: production',
    'profile is "production" in overlay.yaml, and the profile asked for is local',
  ],

  [
    'a tenant in two inbox topics',
    'production',
    'inbox: { topics: { other: { tenants: [t-42] } } }',
    'tenant t-42 stands in 2 inbox topics (callseal.calls.completed, other); leave it in one',
  ],
  [
    'a tenant in no inbox topic',
    'production',
    'tenants: { t-9: { keks: { phi: a, voiceprint: b } } }',
    'tenant t-9 stands in no inbox topic',
  ],
  [
    'a topic with an unknown tenant',
    'production',
    'inbox: { topics: { other: { tenants: [t-9] } } }',
    'inbox.topics names the tenant t-9, which tenants does not have',
  ],
  [
    'a prefix without a final slash',
    'production',
    'tenants: { t-42: { sources: { edge-eu: { prefix: t-42 } } } }',
    'tenants.t-42.sources.edge-eu.prefix must end in /',
  ],
  [
    'a missing policy',
    'production',
    'tenants: { t-42: { policy: strict } }',
    'tenants.t-42.policy names strict, which policies does not have',
  ],
  [
    'a tenant without KEKs under aws-kms',
    'production',
    'inbox: { topics: { other: { tenants: [t-9] } } }\ntenants: { t-9: {} }',
    'tenants.t-9.keks is missing',
  ],
  [
    'a named tenant that is made on seal',
    'local',
    'tenants: { acme: { create: on-seal } }',
    'tenants.acme.create is on-seal',
  ],
  [
    'everybody made at the start',
    'local',
    "tenants: { '*': { create: at-start } }",
    'tenants.*.create is at-start',
  ],

  [
    'a password',
    'production',
    'registry: { password: hunter2 }',
    'registry.password (overlay.yaml) holds a secret; put it into a file of mode 0600 and name that file in passwordFile',
  ],
  [
    'an access key',
    'production',
    'objects: { accessKeyId: AKIAEXAMPLE }',
    'objects.accessKeyId (overlay.yaml) holds a secret',
  ],
  [
    'PEM text',
    'production',
    'kafka: { tls: { key: "-----BEGIN PRIVATE KEY-----" } }',
    'kafka.tls.key (overlay.yaml) holds PEM text',
  ],
  [
    'a password in an address',
    'production',
    'objects: { endpoint: "https://me:hunter2@s3.example" }',
    'objects.endpoint (overlay.yaml) holds a user or password',
  ],

  [
    'Kafka in clear beyond loopback',
    'local',
    'kafka: { brokers: [kafka.example:9092] }',
    'kafka.tls is missing; brokers beyond loopback are reached over TLS only',
  ],
  [
    'PostgreSQL in clear beyond loopback',
    'production',
    'registry: { plaintext: true }',
    'registry.plaintext is true and registry.host pg.example is beyond loopback',
  ],
  [
    'Redis in clear beyond loopback',
    'production',
    'jobs: { plaintext: true }',
    'jobs.plaintext is true and jobs.host redis.example is beyond loopback',
  ],
  [
    'S3 in clear beyond loopback',
    'production',
    'objects: { endpoint: "http://s3.example" }',
    'objects.endpoint http://s3.example is plaintext beyond loopback',
  ],
  [
    'KMS in clear beyond loopback',
    'production',
    'keys: { endpoint: "http://10.0.0.1:8080" }',
    'keys.endpoint http://10.0.0.1:8080 is plaintext beyond loopback',
  ],
  [
    'a source in clear beyond loopback',
    'production',
    'tenants: { t-42: { sources: { edge-eu: { endpoint: "http://s3.example" } } } }',
    'tenants.t-42.sources.edge-eu.endpoint http://s3.example is plaintext',
  ],
  [
    'a TLS version below 1.2',
    'production',
    'registry: { minVersion: TLSv1.1 }',
    'registry.minVersion must be TLSv1.3 or TLSv1.2, not "TLSv1.1"',
  ],
  [
    'an admin address beyond loopback without TLS',
    'production',
    "ops: { admin: '0.0.0.0:9401' }",
    'ops.admin 0.0.0.0:9401 is beyond loopback',
  ],

  [
    'everybody as a tenant under production',
    'production',
    "tenants: { '*': { create: on-seal } }",
    "tenants '*' is refused under profile production",
  ],
  [
    'an embedded registry under production',
    'production',
    'registry: { kind: sqlite }',
    'registry.kind is sqlite, which profile production refuses',
  ],
  [
    'embedded objects under production',
    'production',
    'objects: { kind: files }',
    'objects.kind is files, which profile production refuses',
  ],
  [
    'embedded keys under production',
    'production',
    'keys: { kind: keyfile }',
    'keys.kind is keyfile, which profile production refuses',
  ],
  [
    'embedded jobs under production',
    'production',
    'jobs: { kind: inline }',
    'jobs.kind is inline, which profile production refuses',
  ],
  [
    'sources in folders under production',
    'production',
    'tenants: { t-42: { sources: { disk: { kind: files, root: x } } } }',
    'tenants.t-42.sources.disk.kind is files, which profile production refuses',
  ],
  [
    'inbox and events of two kinds',
    'production',
    'events: { kind: sqlite }',
    'events.kind is sqlite and inbox.kind is kafka',
  ],
  [
    'Kafka without brokers',
    'local',
    'inbox: { kind: kafka, topics: { a: { tenants: [demo] } } }\nevents: { kind: kafka }',
    'kafka is missing',
  ],
  [
    'more large calls than calls',
    'local',
    'budgets: { calls: 2, largeCalls: 3 }',
    'budgets.largeCalls is 3, above budgets.calls, which is 2',
  ],
  [
    'a delay longer than the patience',
    'local',
    'retry: { delay: 2h, giveUpAfter: 1h }',
    'retry.delay is longer than retry.giveUpAfter',
  ],
];

for (const [rule, profile, overlay, said] of REFUSED) {
  test(`refused: ${rule}`, async () => {
    expect(await refusals(profile, overlay)).toContainEqual(expect.stringContaining(said));
  });
}

const bucket = (credentials: string, shared: boolean): string => `
inbox: { topics: { callseal.calls.completed: { tenants: [t-42, t-43] } } }
tenants:
  t-42: { sources: { edge-eu: { sharedBucket: ${shared} } } }
  t-43:
    keks: { phi: a, voiceprint: b }
    sources: { edge: { kind: s3, bucket: edge-eu, prefix: t-43/, credentialsFile: ${credentials}, sharedBucket: ${shared} } }`;

test('two tenants in one bucket under the same credentials are refused, unless both say sharedBucket', async () => {
  const said = await refusals('production', bucket('/run/secrets/edge-eu', false));
  expect(said).toEqual([expect.stringContaining('read one bucket under the same credentials')]);
  expect(await refusals('production', bucket('/run/secrets/edge-eu', true))).toEqual([]);
  expect(await refusals('production', bucket('/run/secrets/t-43', false))).toEqual([]);
});

test('the alias of `callseal seal` is no tenant’s', async () => {
  const said = await refusals('local', 'tenants: { demo: { sources: { cli: { kind: files, root: . } } } }');
  expect(said).toEqual([expect.stringContaining('is the alias of `callseal seal`')]);
});

test('TLS 1.2 is accepted in the one block that says so', async () => {
  const { settings } = await load('production', 'registry: { minVersion: TLSv1.2 }');
  expect(settings.registry).toMatchObject({ minVersion: 'TLSv1.2' });
  expect(settings.jobs).toMatchObject({ minVersion: 'TLSv1.3' });
});

test('plaintext is accepted on loopback', async () => {
  const overlay = `
kafka: { brokers: ['127.0.0.1:9092', '[::1]:9092'] }
registry: { kind: postgres, host: localhost, database: d, user: u, plaintext: true }
objects: { kind: s3, bucket: calls, region: r, endpoint: 'http://127.0.0.1:7070' }`;
  expect(await refusals('local', overlay)).toEqual([]);
});

test('no sentence repeats a value that stood where a secret would be', async () => {
  const overlay = `
registry: { password: hunter2, pasword: hunter2, passphrase: { inner: hunter2 } }
objects: { secretAccessKey: hunter2, endpoint: "https://u:hunter2@s3.example" }
kafka: { tls: { key: "-----BEGIN PRIVATE KEY-----hunter2" } }
token: hunter2`;
  const environment = { CALLSEAL_REGISTRY__PASSWORD: 'hunter2', CALLSEAL_JOBS__SECRET: 'hunter2' };
  const said = await refusals('production', overlay, { environment });
  expect(said.length).toBeGreaterThan(7);
  expect(said.join('\n')).not.toContain('hunter2');
});
