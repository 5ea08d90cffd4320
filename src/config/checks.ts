import { ONE_CALL_ALIAS } from '../domain/tenants.ts';
import { isLoopback, isPlaintextBeyondLoopback, splitHostPort } from './endpoints.ts';
import type { Settings } from './schema.ts';

/** What only several settings together can get wrong. Each check returns sentences; all are asked, none corrects. */
type Check = (settings: Settings) => readonly string[];

type S3Source = Extract<Settings['tenants'][string]['sources'][string], { kind: 's3' }>;

const EMBEDDED_KINDS = new Set(['sqlite', 'files', 'keyfile', 'inline']);
const PORTS = ['inbox', 'events', 'registry', 'objects', 'keys', 'jobs'] as const;

export const CHECKS: readonly Check[] = [
  productionHasNoEmbeddedKind,
  productionNamesItsTenants,
  inboxAndEventsGoTogether,
  kafkaIsDescribed,
  everyTenantStandsInOneTopic,
  everyPolicyExists,
  everyTenantHasItsKeks,
  onlyEverybodyIsMadeOnSeal,
  noAliasIsTheCommands,
  bucketsAreNotShared,
  nothingTravelsInClear,
  adminStaysOnLoopback,
  numbersFitTogether,
];

function productionHasNoEmbeddedKind(settings: Settings): string[] {
  if (settings.profile !== 'production') return [];
  const ports = PORTS.filter((port) => EMBEDDED_KINDS.has(settings[port].kind)).map(
    (port) =>
      `${port}.kind is ${settings[port].kind}, which profile production refuses; it is for one machine`,
  );
  const sources = sourcesOf(settings)
    .filter(({ source }) => source.kind === 'files')
    .map(({ name }) => `${name}.kind is files, which profile production refuses; name an S3 bucket`);
  return [...ports, ...sources];
}

function productionNamesItsTenants(settings: Settings): string[] {
  if (settings.profile !== 'production' || settings.tenants['*'] === undefined) return [];
  return ["tenants '*' is refused under profile production; list every tenant by its id"];
}

function inboxAndEventsGoTogether({ inbox, events }: Settings): string[] {
  if (inbox.kind === events.kind) return [];
  return [`events.kind is ${events.kind} and inbox.kind is ${inbox.kind}; a settle needs both of one kind`];
}

function kafkaIsDescribed({ inbox, events, kafka }: Settings): string[] {
  const wanted = inbox.kind === 'kafka' || events.kind === 'kafka';
  return wanted && kafka === undefined
    ? ['kafka is missing; inbox or events of kind kafka need its brokers']
    : [];
}

function everyTenantStandsInOneTopic({ inbox, tenants }: Settings): string[] {
  if (inbox.kind !== 'kafka') return [];
  const topicsOf = new Map<string, string[]>();
  for (const [topic, { tenants: named }] of Object.entries(inbox.topics)) {
    for (const tenant of named) topicsOf.set(tenant, [...(topicsOf.get(tenant) ?? []), topic]);
  }
  const unknown = [...topicsOf.keys()]
    .filter((tenant) => tenants[tenant] === undefined)
    .map(
      (tenant) =>
        `inbox.topics names the tenant ${tenant}, which tenants does not have; add tenants.${tenant}`,
    );
  const wrong = Object.keys(tenants).flatMap((tenant) => {
    const topics = topicsOf.get(tenant) ?? [];
    if (topics.length === 1 || tenant === '*') return [];
    if (topics.length === 0)
      return [`tenant ${tenant} stands in no inbox topic; list it under one of inbox.topics`];
    return [
      `tenant ${tenant} stands in ${topics.length} inbox topics (${topics.join(', ')}); leave it in one`,
    ];
  });
  return [...unknown, ...wrong];
}

function everyPolicyExists({ tenants, policies }: Settings): string[] {
  return Object.entries(tenants)
    .filter(([, { policy }]) => policies[policy] === undefined)
    .map(([name, { policy }]) => `tenants.${name}.policy names ${policy}, which policies does not have`);
}

function everyTenantHasItsKeks({ keys, tenants }: Settings): string[] {
  if (keys.kind !== 'aws-kms') return [];
  return Object.entries(tenants)
    .filter(([, { keks }]) => keks === undefined)
    .map(([name]) => `tenants.${name}.keks is missing; with aws-kms name the KEKs phi and voiceprint`);
}

function onlyEverybodyIsMadeOnSeal({ tenants }: Settings): string[] {
  return Object.entries(tenants).flatMap(([name, { create }]) => {
    if ((name === '*') === (create === 'on-seal')) return [];
    const needed = name === '*' ? 'on-seal' : 'at-start';
    return [
      `tenants.${name}.create is ${create}; for ${name === '*' ? "'*'" : 'a named tenant'} say ${needed}`,
    ];
  });
}

function noAliasIsTheCommands({ tenants }: Settings): string[] {
  return Object.entries(tenants)
    .filter(([, { sources }]) => Object.hasOwn(sources, ONE_CALL_ALIAS))
    .map(
      ([tenant]) =>
        `tenants.${tenant}.sources.${ONE_CALL_ALIAS} is the alias of \`callseal seal\`; name it otherwise`,
    );
}

function bucketsAreNotShared(settings: Settings): string[] {
  const readers = new Map<string, { tenant: string; name: string; source: S3Source }[]>();
  for (const { tenant, name, source } of sourcesOf(settings)) {
    if (source.kind !== 's3') continue;
    const same = JSON.stringify([source.endpoint, source.bucket, source.credentialsFile]);
    readers.set(same, [...(readers.get(same) ?? []), { tenant, name, source }]);
  }
  return [...readers.values()].flatMap((group) => {
    const tenants = new Set(group.map(({ tenant }) => tenant));
    if (tenants.size < 2 || group.every(({ source }) => source.sharedBucket)) return [];
    const names = group.map(({ name }) => name).join(' and ');
    return [
      `${names} read one bucket under the same credentials; give each tenant its own credentialsFile, ` +
        'or say sharedBucket: true in each',
    ];
  });
}

function nothingTravelsInClear(settings: Settings): string[] {
  const { kafka, registry, jobs, objects, keys } = settings;
  const open: string[] = [];
  if (
    kafka &&
    kafka.tls === undefined &&
    kafka.brokers.some((at) => !isLoopback(splitHostPort(at)?.host ?? ''))
  ) {
    open.push('kafka.tls is missing; brokers beyond loopback are reached over TLS only');
  }
  for (const [name, block] of [
    ['registry', registry],
    ['jobs', jobs],
  ] as const) {
    if ('plaintext' in block && block.plaintext && !isLoopback(block.host)) {
      open.push(
        `${name}.plaintext is true and ${name}.host ${block.host} is beyond loopback; remove plaintext`,
      );
    }
  }
  const endpoints = [
    { name: 'objects', source: objects },
    { name: 'keys', source: keys },
    ...sourcesOf(settings),
  ];
  for (const { name, source } of endpoints) {
    if (!('endpoint' in source) || source.endpoint === undefined) continue;
    if (!isPlaintextBeyondLoopback(source.endpoint)) continue;
    open.push(`${name}.endpoint ${source.endpoint} is plaintext beyond loopback; say https://`);
  }
  return open;
}

function adminStaysOnLoopback({ ops }: Settings): string[] {
  if (ops.admin === null || ops.tls !== undefined || isLoopback(splitHostPort(ops.admin)?.host ?? ''))
    return [];
  return [`ops.admin ${ops.admin} is beyond loopback; give ops.tls, or listen on 127.0.0.1`];
}

function numbersFitTogether({ budgets, retry }: Settings): string[] {
  const wrong: string[] = [];
  if (budgets.largeCalls > budgets.calls) {
    wrong.push(`budgets.largeCalls is ${budgets.largeCalls}, above budgets.calls, which is ${budgets.calls}`);
  }
  if (retry.delay > retry.giveUpAfter) wrong.push('retry.delay is longer than retry.giveUpAfter');
  return wrong;
}

function sourcesOf(settings: Settings) {
  return Object.entries(settings.tenants).flatMap(([tenant, { sources }]) =>
    Object.entries(sources).map(([alias, source]) => ({
      tenant,
      name: `tenants.${tenant}.sources.${alias}`,
      source,
    })),
  );
}
