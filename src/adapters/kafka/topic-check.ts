import kafkajs, { type AclEntry, type Admin } from 'kafkajs';
import type { TopicFinding } from '../../ports/topic-admin.ts';
import { DAY_MS, type RightsOptions, rights, type TopicRule, topicRules } from './topic-rules.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const { ALL, WRITE } = AclOperationTypes;

const ENSURE = 'callseal topics ensure makes topics, settings and rights';

/** Looks at what `topics ensure` makes, and says what is missing or dangerous. */
export async function checkTopics(admin: Admin, options: RightsOptions): Promise<TopicFinding[]> {
  const rules = topicRules(options.topics);
  const there = new Set(await admin.listTopics());
  const { brokers } = await admin.describeCluster();
  const findings: TopicFinding[] = [];
  for (const rule of rules) {
    if (there.has(rule.name)) findings.push(...(await checkTopic(admin, rule, brokers.length)));
    else findings.push({ name: rule.name, status: 'bad', finding: 'the topic does not exist', hint: ENSURE });
  }
  findings.push(...(await checkRights(admin, options)));
  return findings;
}

async function checkTopic(admin: Admin, rule: TopicRule, brokers: number): Promise<TopicFinding[]> {
  const { name } = rule;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }],
  });
  const settings = new Map(
    (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
  );
  const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
  const partitions = topics[0]?.partitions ?? [];
  const wrong = [
    ...wrongSettings(rule, settings),
    ...wrongRetention(rule, settings),
    ...wrongCopies(settings, Math.min(...partitions.map(({ replicas }) => replicas.length)), brokers),
  ];
  const many = partitions.length === 1 ? '1 partition' : `${partitions.length} partitions`;
  return wrong.length > 0
    ? wrong.map((finding) => ({ name, ...finding }))
    : [{ name, status: 'ok', finding: `${many}, keeps ${days(settings)} days` }];
}

type Found = Omit<TopicFinding, 'name'>;

/** What a wrong setting does. */
const DANGER: Readonly<Record<string, string>> = {
  'compression.type': 'one record in a codec that is not read here stops its partition',
  'cleanup.policy': 'compaction removes records that are still to be delivered or audited',
  'max.message.bytes': 'a record that fits into one topic does not fit into the next',
};

function wrongSettings({ settings }: TopicRule, found: ReadonlyMap<string, string>): Found[] {
  return Object.entries(settings)
    .filter(([name, value]) => found.get(name) !== value)
    .map(([name, value]) => ({
      status: 'bad',
      finding: `${name} is ${found.get(name)}, not ${value}: ${DANGER[name]}`,
      hint: ENSURE,
    }));
}

function wrongRetention(rule: TopicRule, found: ReadonlyMap<string, string>): Found[] {
  const kept = Number(found.get('retention.ms'));
  if (kept === -1 || kept >= rule.retentionDays * DAY_MS) return [];
  const input = rule.kind !== 'output';
  return [
    {
      status: input ? 'bad' : 'loud',
      finding: `keeps ${days(found)} days, less than ${rule.retentionDays}: ${
        input ? 'an event that waits longer is lost' : 'a reader that is away longer misses records'
      }`,
      hint: `set retention.ms of ${rule.name} to ${rule.retentionDays * DAY_MS}`,
    },
  ];
}

function days(settings: ReadonlyMap<string, string>): string {
  const kept = Number(settings.get('retention.ms'));
  return kept === -1 ? 'unlimited' : String(Math.round((kept / DAY_MS) * 10) / 10);
}

function wrongCopies(settings: ReadonlyMap<string, string>, replicas: number, brokers: number): Found[] {
  const inSync = Number(settings.get('min.insync.replicas'));
  if (replicas >= 3 && inSync >= 2) return [];
  if (brokers < 3) {
    const few = brokers === 1 ? 'one broker' : `${brokers} brokers`;
    return [{ status: 'loud', finding: `the cluster has ${few}: what it acknowledged is lost with a disk` }];
  }
  return [
    {
      status: 'bad',
      finding: `${replicas} copies, of which ${inSync} must be in sync: what was acknowledged is lost with a disk`,
      hint: 'three replicas and min.insync.replicas=2',
    },
  ];
}

/** Rights by pattern, by `*` or for everybody count too: only what lacks is reported. */
async function checkRights(admin: Admin, options: RightsOptions): Promise<TopicFinding[]> {
  const { resources } = await admin.describeAcls({
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  });
  const given = resources.flatMap(({ acls, ...resource }) => acls.map((acl) => ({ ...resource, ...acl })));
  const needed = rights(options);
  const findings: TopicFinding[] = needed
    .filter(({ entry }) => !given.some((have) => covers(have, entry)))
    .map(({ role, words }) => ({
      name: `rights of ${role}`,
      status: 'bad',
      finding: `lacks: ${words}`,
      hint: ENSURE,
    }));
  if (findings.length === 0) {
    findings.push({ name: 'rights', status: 'ok', finding: `all ${needed.length} are given` });
  }
  return [...findings, ...strangers(given, options)];
}

function covers(have: AclEntry, need: AclEntry): boolean {
  const operation = have.operation === need.operation || have.operation === ALL;
  const principal = have.principal === need.principal || have.principal === 'User:*';
  return (
    have.permissionType === AclPermissionTypes.ALLOW &&
    have.resourceType === need.resourceType &&
    operation &&
    principal &&
    nameCovers(have, need)
  );
}

function nameCovers(have: AclEntry, need: AclEntry): boolean {
  if (have.resourceName === '*') return true;
  if (have.resourcePatternType === ResourcePatternTypes.PREFIXED) {
    return need.resourceName.startsWith(have.resourceName);
  }
  return need.resourcePatternType === ResourcePatternTypes.LITERAL && have.resourceName === need.resourceName;
}

/** Headers of retry and replay records are believed, so whoever may write there may speak for any tenant. */
function strangers(given: readonly AclEntry[], { topics, principals }: RightsOptions): TopicFinding[] {
  const trusted = new Map([
    [topics.retry, [principals.worker]],
    [topics.replay, [principals.worker, principals.operator]],
  ]);
  const findings: TopicFinding[] = [];
  for (const [name, ours] of trusted) {
    const may = given.filter(
      (have) =>
        !ours.some((principal) => have.principal === `User:${principal}`) &&
        covers({ ...have, principal: 'User:*' }, writing(name)),
    );
    for (const { principal } of may) {
      findings.push({
        name,
        status: 'bad',
        finding: `${principal} may write it, and what stands there is believed: origin, tries and tenant`,
        hint: `take the right of ${principal} to write ${name} away`,
      });
    }
  }
  return findings;
}

function writing(resourceName: string): AclEntry {
  return {
    resourceType: AclResourceTypes.TOPIC,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    resourceName,
    operation: WRITE,
    principal: 'User:*',
    host: '*',
    permissionType: AclPermissionTypes.ALLOW,
  };
}
