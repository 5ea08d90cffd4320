import type { Command } from 'commander';
import { CallsealError } from '../domain/errors.ts';
import type { PublishedRecord } from '../ports/events.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';

type Topic = 'outcome' | 'transcripts' | 'audit';

const TOPICS: readonly (readonly [topic: Topic, description: string])[] = [
  ['outcome', 'the one final answer of each delivery'],
  ['transcripts', 'sealed transcripts, or where the large ones stand'],
  ['audit', 'the audit chain as it was published'],
];

interface ReadFlags {
  readonly follow?: boolean;
  readonly after?: string;
  readonly values?: boolean;
}

/** `callseal events outcome|transcripts|audit`: reads what was published. */
export function registerEvents(program: Command, app: App): void {
  const events = group(program, 'events', 'read what was published');
  for (const [topic, description] of TOPICS) {
    example(
      events
        .command(topic)
        .description(description)
        .option('--follow', 'wait for more at the end')
        .option('--after <position>', 'only what stands behind this position')
        .option('--values', 'the value of each record as it is, nothing around it')
        .action((flags: ReadFlags) => readTopic(app, topic, flags)),
      `callseal events ${topic} --json`,
    );
  }
}

async function readTopic(app: App, topic: Topic, flags: ReadFlags): Promise<void> {
  if (flags.values === true && topic === 'transcripts') {
    throw new CallsealError('USAGE', 'sealed transcripts are no text', {
      hint: `callseal events transcripts --json`,
    });
  }
  const { events } = await app.ports();
  const options = {
    follow: flags.follow ?? false,
    ...(flags.after === undefined ? {} : { after: flags.after }),
  };
  for await (const record of events.read(topic, options, app.signal)) {
    if (flags.values === true) await app.voice.raw(record.value.toString());
    else await app.voice.item(cloudEventOf(record), () => lineOf(record));
  }
}

/** CloudEvents 1.0, JSON format: attributes from `ce_` headers, the rest of the headers as they are. */
function cloudEventOf({ headers, value, key, position }: PublishedRecord): Record<string, unknown> {
  const attributes = Object.entries(headers).map(([name, text]) => [attributeOf(name), text] as const);
  const isJson = headers['content-type'] === 'application/json';
  const data: unknown = isJson ? JSON.parse(value.toString()) : value.toString('base64');
  return { ...Object.fromEntries(attributes), key, position, [isJson ? 'data' : 'data_base64']: data };
}

function attributeOf(header: string): string {
  return header === 'content-type' ? 'datacontenttype' : header.replace(/^ce_/, '');
}

function lineOf({ headers, value, key, position, topic }: PublishedRecord): string {
  const time = headers['ce_time'] ?? '-';
  if (topic === 'transcripts')
    return `${position}  ${time}  ${key}  ${headers['ce_subject'] ?? '-'}  ${value.length} bytes`;
  const said: {
    answer?: string;
    code?: string;
    action?: string;
    outcome?: { status?: string };
    current?: unknown;
  } = JSON.parse(value.toString());
  const what =
    topic === 'audit' ? `${said.action} ${said.outcome?.status}` : `${said.answer} ${said.code ?? ''}`;
  return `${position}  ${time}  ${key}  ${what}`.trimEnd();
}
