import kafkajs, { type AclEntry, type AclOperationTypes } from 'kafkajs';
import type { Principals, TopicRole as Role } from '../../ports/topic-admin.ts';
import type { TopicNames } from '../inbox/topics.ts';

const { AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const { READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS } = kafkajs.AclOperationTypes;

export interface TopicRule {
  readonly name: string;
  readonly kind: 'inbox' | 'retry' | 'replay' | 'output';
  /** Exactly these; another value is reported. */
  readonly settings: Readonly<Record<string, string>>;
  readonly retentionDays: number;
}

export const DAY_MS = 24 * 60 * 60 * 1000;
const MiB = 1024 * 1024;

/** Topics and what they keep (docs/events.md, "Topics and principals"). */
export function topicRules(topics: TopicNames): TopicRule[] {
  const input = (name: string, kind: TopicRule['kind'], maxBytes: number): TopicRule => ({
    name,
    kind,
    retentionDays: 7,
    settings: {
      'cleanup.policy': 'delete',
      // The broker opens what is compressed: a bomb is refused at the producer, and a codec that we cannot read
      // never stops a partition.
      'compression.type': 'uncompressed',
      'max.message.bytes': String(maxBytes),
    },
  });
  const output = (name: string, retentionDays: number): TopicRule => ({
    name,
    kind: 'output',
    retentionDays,
    settings: { 'cleanup.policy': 'delete', 'max.message.bytes': String(2 * MiB) },
  });
  const { outcome, transcripts, audit, dlq } = topics.outputs;
  return [
    ...topics.inbox.map((name) => input(name, 'inbox', MiB)),
    // A record of an inbox topic must fit with the headers that a hand-over adds.
    input(topics.retry, 'retry', 2 * MiB),
    input(topics.replay, 'replay', 2 * MiB),
    output(outcome, 30),
    output(transcripts, 7),
    output(dlq, 30),
    output(audit, 365),
  ];
}

/** What a rule makes of a new topic. */
export function settingsOf(rule: TopicRule, minInSync: number): Readonly<Record<string, string>> {
  return {
    ...rule.settings,
    'retention.ms': String(rule.retentionDays * DAY_MS),
    'min.insync.replicas': String(minInSync),
  };
}

/** A right, with the words it is reported in. */
export interface Right {
  readonly role: Role;
  readonly words: string;
  readonly entry: AclEntry;
}

export interface RightsOptions {
  readonly topics: TopicNames;
  readonly prefix: string;
  readonly group: string;
  readonly principals: Principals;
}

/** Every right that somebody needs. `admin`, who calls `topics ensure`, has its rights from the cluster's owner. */
export function rights({ topics, prefix, group, principals }: RightsOptions): Right[] {
  const { inbox, retry, replay, outputs } = topics;
  const { outcome, transcripts, dlq, audit } = outputs;
  const right = (
    role: Role,
    operation: AclOperationTypes,
    resource: Pick<AclEntry, 'resourceType' | 'resourceName' | 'resourcePatternType'>,
  ): Right => ({
    role,
    words: `${role} (${principals[role]}) may ${OPERATION[operation]} ${RESOURCE[resource.resourceType]} ${resource.resourceName}`,
    entry: {
      ...resource,
      operation,
      principal: `User:${principals[role]}`,
      host: '*',
      permissionType: AclPermissionTypes.ALLOW,
    },
  });
  const onTopics = (role: Role, operation: AclOperationTypes, names: readonly string[]): Right[] =>
    names.map((resourceName) =>
      right(role, operation, {
        resourceType: AclResourceTypes.TOPIC,
        resourceName,
        resourcePatternType: ResourcePatternTypes.LITERAL,
      }),
    );
  const prefixed = (
    role: Role,
    operation: AclOperationTypes,
    resourceType: AclEntry['resourceType'],
    resourceName: string,
  ) =>
    right(role, operation, {
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.PREFIXED,
    });
  const { GROUP, TRANSACTIONAL_ID } = AclResourceTypes;
  const inputs = [...inbox, retry, replay];
  return [
    ...onTopics('edge', WRITE, inbox),
    // Outcomes and transcripts for `callseal reconcile` alone, which a worker runs every night.
    ...onTopics('worker', READ, [...inputs, outcome, transcripts, dlq, audit]),
    ...onTopics('worker', WRITE, [retry, replay, outcome, transcripts, dlq, audit]),
    ...onTopics('worker', DESCRIBE_CONFIGS, inputs),
    prefixed('worker', READ, GROUP, group),
    ...[`${prefix}.${group}.`, `${prefix}.events.`].flatMap((ids) => [
      prefixed('worker', WRITE, TRANSACTIONAL_ID, ids),
      prefixed('worker', DESCRIBE, TRANSACTIONAL_ID, ids),
    ]),
    ...onTopics('operator', READ, [...inputs, outcome, transcripts, dlq]),
    ...onTopics('operator', WRITE, [replay, audit]),
    prefixed('operator', DESCRIBE, GROUP, group),
    prefixed('operator', WRITE, TRANSACTIONAL_ID, `${prefix}.events.`),
    prefixed('operator', DESCRIBE, TRANSACTIONAL_ID, `${prefix}.events.`),
    ...onTopics('reader', READ, [outcome, transcripts]),
    prefixed('reader', READ, GROUP, `${prefix}.reader`),
    ...onTopics('auditor', READ, [audit]),
    prefixed('auditor', READ, GROUP, `${prefix}.auditor`),
  ];
}

const OPERATION: Readonly<Record<number, string>> = {
  [READ]: 'read',
  [WRITE]: 'write',
  [DESCRIBE]: 'describe',
  [DESCRIBE_CONFIGS]: 'read the settings of',
};
const RESOURCE: Readonly<Record<number, string>> = {
  [AclResourceTypes.TOPIC]: 'topic',
  [AclResourceTypes.GROUP]: 'groups from',
  [AclResourceTypes.TRANSACTIONAL_ID]: 'transactional ids from',
};
