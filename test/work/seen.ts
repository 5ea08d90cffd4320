import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import type { Outcome } from '../../src/domain/outcome-event.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Verdict } from '../../src/ports/inbox.ts';

/** Of a test that is not about being stopped. */
export const SIGNAL = new AbortController().signal;

export function settled(verdict: Verdict): readonly Output[] {
  if (verdict.do !== 'settle') throw new Error(`the verdict is ${verdict.do}`);
  return verdict.outputs;
}

export function outcomeIn(outputs: readonly Output[]): Outcome {
  const output = outputs.find(({ topic }) => topic === 'outcome');
  return JSON.parse(String(output?.value)) as Outcome;
}

/** Each fact's action and status, with its code where it has one. */
export function brief(facts: readonly AuditFact[]): string[] {
  return facts.map(({ action, outcome: { status, code } }) =>
    [action, status, code].filter(Boolean).join(' '),
  );
}

/** Every intent has exactly one end, and no end is without its intent. */
export function expectIntentsClosed(facts: readonly AuditFact[]): void {
  const intents = facts.filter(({ outcome }) => outcome.status === 'intent').map((fact) => fact.eventUid);
  const ends = facts.flatMap(({ intentUid }) => (intentUid === undefined ? [] : [intentUid]));
  expect(ends.toSorted()).toEqual(intents.toSorted());
}

/** What was published, topic by topic. */
export async function collectOutputs(
  { events }: { readonly events: Events },
  topics: readonly Output['topic'][],
): Promise<Output[]> {
  const outputs: Output[] = [];
  for (const topic of topics) {
    for await (const record of events.read(topic, { follow: false }, SIGNAL)) outputs.push(record);
  }
  return outputs;
}

/** Every file under `folder` with its bytes. */
export function filesUnder(folder: string): { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
