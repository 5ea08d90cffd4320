import { expect, test } from 'vitest';
import { printedSettings } from '../../src/config/printed-settings.ts';
import { load, refusals } from './loading.ts';

const originOf = async (setting: string, ...given: Parameters<typeof load>): Promise<string | undefined> =>
  printedSettings(await load(...given)).find((row) => row.setting === setting)?.origin;

test('both shipped profiles are good as they are', async () => {
  expect((await load('local')).settings.profile).toBe('local');
  expect((await load('production')).settings.profile).toBe('production');
});

test('a later layer wins: default, profile, --config, environment, flag', async () => {
  const calls = async (...given: Parameters<typeof load>): Promise<number> =>
    (await load(...given)).settings.budgets.calls;
  const environment = { CALLSEAL_BUDGETS__CALLS: '8' };
  const flags = [{ path: ['budgets', 'calls'], value: 9, flag: '--calls' }];
  const overlay = 'budgets: { calls: 7 }';
  expect(await calls('local')).toBe(16);
  expect(await calls('local', overlay)).toBe(7);
  expect(await calls('local', overlay, { environment })).toBe(8);
  expect(await calls('local', overlay, { environment, flags })).toBe(9);
});

test('every leaf knows where it came from', async () => {
  const environment = { CALLSEAL_BUDGETS__MEMORY: '64MiB' };
  const flags = [{ path: ['data'], value: 'there', flag: '--data' }];
  const given = ['local', 'retry: { inPlace: 1 }', { environment, flags }] as const;
  expect(await originOf('budgets.largeFrom', ...given)).toBe('default');
  expect(await originOf('inbox.kind', ...given)).toMatch(/config\/local\.yaml$/);
  expect(await originOf('retry.inPlace', ...given)).toBe('overlay.yaml');
  expect(await originOf('budgets.memory', ...given)).toBe('CALLSEAL_BUDGETS__MEMORY');
  expect(await originOf('data', ...given)).toBe('--data');
});

test('maps are merged, arrays replace', async () => {
  const overlay = `
policies: { default: { transcriptEvents: [summary] } }
tenants: { acme: { policy: default } }`;
  const { settings } = await load('local', overlay);
  expect(Object.keys(settings.tenants)).toEqual(['*', 'demo', 'acme']);
  expect(settings.policies['default']?.transcriptEvents).toEqual(['summary']);
  expect(settings.policies['default']?.consent.unknown).toBe('seal');
});

test('a tenant or a source alias that is null in a higher layer is taken away', async () => {
  const without = await load('local', 'tenants: { "*": null }');
  expect(Object.keys(without.settings.tenants)).toEqual(['demo']);
  const aliasless = await load('local', 'tenants: { demo: { sources: { samples: null } } }');
  expect(aliasless.settings.tenants['demo']?.sources).toEqual({});
});

test('an inbox topic that is null in a higher layer is taken away', async () => {
  const topics = '{ callseal.calls.completed: null, other.calls.completed: { tenants: [t-42] } }';
  const { settings } = await load('production', `inbox: { kind: kafka, topics: ${topics} }`);
  expect(settings.inbox).toMatchObject({ topics: { 'other.calls.completed': { tenants: ['t-42'] } } });
  expect(settings.inbox).not.toHaveProperty('topics.callseal\\.calls\\.completed');
});

test('an empty map on top of a map changes nothing', async () => {
  const { settings } = await load('production', 'budgets: {}\ntenants: {}');
  expect(settings.budgets.calls).toBe(64);
  expect(Object.keys(settings.tenants)).toEqual(['t-42']);
});

test('a block of another kind replaces the block, so nothing of the old kind stays', async () => {
  const overlay = 'objects: { kind: s3, bucket: calls, region: eu-central-1 }';
  const { settings } = await load('local', overlay);
  expect(settings.objects).toMatchObject({ kind: 's3', bucket: 'calls' });
  expect(settings.objects).not.toHaveProperty('root');
});

test('a path is beside the file that names it, below the data folder, or in the working folder', async () => {
  const overlay = 'tenants: { demo: { sources: { mine: { kind: files, root: here } } } }';
  const { settings } = await load('local', overlay, { folder: '/somewhere', file: undefined });
  expect(settings.data).toBe('/somewhere/.callseal');
  expect(settings.objects).toMatchObject({ root: '/somewhere/.callseal/objects' });
  expect(settings.keys).toMatchObject({ file: '/somewhere/.callseal/keys/kek.json' });
  expect(settings.tenants['demo']?.sources['samples']).toMatchObject({
    root: expect.stringMatching(/\/samples$/),
  });
  const own = await load('local', overlay);
  expect(own.settings.tenants['demo']?.sources['mine']).toMatchObject({
    root: expect.stringMatching(/^\/.*\/here$/),
  });
});

test('a data folder that a file names is beside that file', async () => {
  const { settings } = await load('local', 'data: there');
  expect(settings.data).toMatch(/\/callseal-settings-[^/]+\/there$/);
  expect(settings.objects).toMatchObject({ root: `${settings.data}/objects` });
});

test('sizes become bytes and durations milliseconds', async () => {
  const { settings } = await load('local');
  expect([settings.budgets.memory, settings.retry.delay]).toEqual([268_435_456, 600_000]);
});

test('what is loaded is frozen, all the way down', async () => {
  const { settings } = await load('production');
  expect(() => Object.assign(settings.budgets, { calls: 1 })).toThrow(TypeError);
  expect(() => Object.assign(settings.tenants['t-42']?.sources ?? {}, { x: 1 })).toThrow(TypeError);
});

test('an account of 12 digits from the environment stays text', async () => {
  const environment = { CALLSEAL_OBJECTS__EXPECTED_OWNER: '012345678901' };
  expect((await load('production', '', { environment })).settings.objects).toMatchObject({
    expectedOwner: '012345678901',
  });
});

test('a list and a number from the environment are read as YAML reads them', async () => {
  const environment = {
    CALLSEAL_KAFKA__BROKERS: '[a.example:1, b.example:2]',
    CALLSEAL_BREAKER__RATIO: '0.25',
  };
  const { settings } = await load('production', '', { environment });
  expect(settings.kafka?.brokers).toEqual(['a.example:1', 'b.example:2']);
  expect(settings.breaker.ratio).toBe(0.25);
});

test('the profile comes from --profile, else CALLSEAL_PROFILE, else the fallback, else it is refused', async () => {
  const environment = { CALLSEAL_PROFILE: 'production' };
  const profileOf = async (...given: Parameters<typeof load>): Promise<string> =>
    (await load(...given)).settings.profile;
  expect(await profileOf('local', '', { environment })).toBe('local');
  expect(await profileOf('', '', { profile: undefined, environment })).toBe('production');
  expect(await profileOf('', '', { profile: undefined, fallbackProfile: 'local' })).toBe('local');
  expect(await refusals('', '', { profile: undefined })).toEqual(['no profile is named']);
});

test('a profile is no path', async () => {
  expect(await refusals('../local')).toEqual([expect.stringContaining('"../local"')]);
});

test('all problems are said at once, those of the process among them', async () => {
  const overlay =
    'budgets: { calls: 0 }\nextra: 1\nregistry: { kind: postgres, host: "x:1", password: hunter2 }';
  const environment = { CALLSEAL_BUDGETS__CALS: '3' };
  const said = await refusals('local', overlay, { environment, alsoWrong: ['the process is wrong'] });
  expect(said).toEqual([
    'the process is wrong',
    'CALLSEAL_BUDGETS__CALS is set, and no setting has that name, did you mean CALLSEAL_BUDGETS__CALLS?; unset it',
    'registry.password (overlay.yaml) holds a secret; put it into a file of mode 0600 and name that file in passwordFile',
    expect.stringContaining('registry.host must be a host name'),
    'registry.database is missing',
    'registry.user is missing',
    'budgets.calls must be at least 1, not 0 (overlay.yaml)',
    'extra is no setting here (overlay.yaml)',
  ]);
});
