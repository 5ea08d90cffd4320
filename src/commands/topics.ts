import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import { type Principals, TOPIC_ROLES, type TopicFinding } from '../ports/topic-admin.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import { counted } from './words.ts';

interface Names {
  readonly principal?: Principals;
}

/** `callseal topics ensure|check`: topics, settings and rights on the cluster behind inbox and events. */
export function registerTopics(program: Command, app: App): void {
  const topics = group(program, 'topics', 'topics and rights on the Kafka cluster');
  example(
    withNames(topics.command('ensure'))
      .description('create missing topics, set their settings, give the rights; safe to repeat')
      .option('--partitions <count>', 'of a topic that is made; the audit topic has one', partitionCount, 12)
      .action((options: Names & { partitions: number }) => ensure(app, options)),
    'callseal topics ensure --profile production --principal edge=pbx-1',
  );
  example(
    withNames(topics.command('check'))
      .description('say in sentences what is missing or dangerous')
      .action((options: Names) => check(app, options)),
    'callseal topics check --profile production',
  );
}

const OWN_WORDS: Principals = {
  edge: 'edge',
  worker: 'worker',
  operator: 'operator',
  reader: 'reader',
  auditor: 'auditor',
};

function withNames(command: Command): Command {
  return command.option(
    '--principal <role=name>',
    `certificate name of a role: ${TOPIC_ROLES.join(', ')} (default: the role's own word)`,
    principal,
  );
}

function principal(text: string, before: Principals = OWN_WORDS): Principals {
  const [, word, name] = /^([a-z]+)=([A-Za-z0-9._-]{1,128})$/.exec(text) ?? [];
  const role = TOPIC_ROLES.find((each) => each === word);
  if (role !== undefined && name !== undefined) return { ...before, [role]: name };
  const form = `--principal must be ROLE=NAME, such as edge=pbx-1, with one of ${TOPIC_ROLES.join(', ')}`;
  throw new CallsealError('USAGE', `${form}, not ${JSON.stringify(text)}`);
}

const MOST_PARTITIONS = 1000;

function partitionCount(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_PARTITIONS) return count;
  const range = `a whole number from 1 to ${MOST_PARTITIONS}`;
  throw new CallsealError('USAGE', `--partitions must be ${range}, not ${JSON.stringify(text)}`);
}

async function ensure(
  { topicDesk, signal, voice }: App,
  options: Names & { partitions: number },
): Promise<void> {
  const desk = await topicDesk(options.principal ?? OWN_WORDS);
  try {
    const done = await desk.ensure({ partitions: options.partitions }, signal);
    await voice.document({ ...done }, () => [
      ...done.made.map((name) => `made ${name}`),
      ...done.changed.map((name) => `set the settings of ${name}`),
      `${counted(done.rights, 'right')} given`,
    ]);
  } finally {
    await desk.close();
  }
}

async function check({ topicDesk, signal, voice, exitWith }: App, options: Names): Promise<void> {
  const desk = await topicDesk(options.principal ?? OWN_WORDS);
  try {
    const findings = await desk.check(signal);
    await voice.table(findings, [
      { title: 'CHECK', of: ({ name }) => name },
      { title: '', of: ({ status }) => STATUS[status] },
      { title: 'FINDING', of: ({ finding }) => finding },
    ]);
    for (const hint of new Set(findings.flatMap((finding) => finding.hint ?? []))) voice.hint(hint);
    if (findings.some(({ status }) => status === 'bad')) exitWith(EXIT.badConfig);
  } finally {
    await desk.close();
  }
}

const STATUS: Readonly<Record<TopicFinding['status'], string>> = { ok: 'ok', loud: 'WARN', bad: 'BAD' };
