import { canonical } from '../domain/canonical.ts';
import type { Events } from '../ports/events.ts';
import type { AuditLog } from '../ports/registry.ts';
import { type AuditHead, type AuditVerdict, readEvent, tailOf, verifyChain } from './audit-chain.ts';

export type { AuditProblem, AuditVerdict } from './audit-chain.ts';

/** The registry's chain, whole, against the last head on the audit topic. */
export async function verifyRegistryAudit(
  audit: Pick<AuditLog, 'chain'>,
  events: Pick<Events, 'last'>,
  signal: AbortSignal,
): Promise<AuditVerdict> {
  // The head first: the chain read afterwards must reach it.
  const published = await publishedHead(events, signal);
  const texts = mapped(audit.chain(1, signal), canonical);
  return await verifyChain(texts, { from: 1, repeats: 'refused', ...published });
}

/** What stands on the audit topic, from the start of its retention. */
export async function verifyAuditTopic(
  events: Pick<Events, 'read'>,
  signal: AbortSignal,
): Promise<AuditVerdict> {
  const records = events.read('audit', { follow: false }, signal);
  const verdict = await verifyChain(
    mapped(records, ({ value }) => value.toString()),
    { repeats: 'allowed' },
  );
  return { ...verdict, tail: tailOf(verdict.to) };
}

/** An export, one event a line. @param events - where given, its last published head is compared too */
export async function verifyAuditFile(
  bytes: AsyncIterable<Uint8Array>,
  events: Pick<Events, 'last'> | undefined,
  signal: AbortSignal,
): Promise<AuditVerdict> {
  const published = events && (await publishedHead(events, signal));
  return await verifyChain(linesOf(bytes), { repeats: 'allowed', ...published });
}

/** The last event on the audit topic; nothing where there is none, or none that can be read. */
export async function publishedHead(
  events: Pick<Events, 'last'>,
  signal: AbortSignal,
): Promise<{ published?: AuditHead }> {
  const last = await events.last('audit', signal);
  const read = last && readEvent(last.value.toString());
  return read ? { published: { seq: read.event.seq, hash: read.event.hash } } : {};
}

/** An audit event is below a kilobyte or two; a longer line is none, and is not collected in memory. */
const LINE_BYTES = 64 * 1024;

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_BYTES);
    yield* lines.map(withoutReturn).filter((line) => line !== '');
  }
  rest = withoutReturn(rest + decoder.decode());
  if (rest !== '') yield rest;
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

async function* mapped<From, To>(items: AsyncIterable<From>, change: (item: From) => To): AsyncGenerator<To> {
  for await (const item of items) yield change(item);
}
