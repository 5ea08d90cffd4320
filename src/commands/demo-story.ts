import { readFile, writeFile } from 'node:fs/promises';
import { CALL_COMPLETED } from '../domain/call-event.ts';
import type { Objects } from '../ports/objects.ts';
import { readWhole } from '../work/read-whole.ts';

/** The demo's call: the sample event, under a call id that is new in this data folder. */
export interface DemoCall {
  readonly tenant: string;
  readonly call: string;
  readonly event: Buffer;
  readonly artifacts: readonly { readonly id: string; readonly kind: string; readonly key: string }[];
}

interface SampleData {
  readonly tenant: string;
  call: string;
  readonly artifacts: readonly {
    readonly id: string;
    readonly kind: string;
    readonly source: { readonly key: string };
  }[];
}

const SAMPLES = new URL('../../samples/', import.meta.url);

export function sample(name: string): URL {
  return new URL(name, SAMPLES);
}

/** @param known - ids of the calls that are there already */
export async function demoCall(known: ReadonlySet<string>): Promise<DemoCall> {
  const event: { data: SampleData } = JSON.parse(await readFile(sample('event.json'), 'utf8'));
  let number = 1;
  const name = (): string => `intake-${String(number).padStart(4, '0')}`;
  while (known.has(name())) number++;
  event.data.call = name();
  const changed = { ...event, id: `${name()}.1`, type: CALL_COMPLETED };
  return {
    tenant: event.data.tenant,
    call: name(),
    event: Buffer.from(JSON.stringify(changed)),
    artifacts: event.data.artifacts.map(({ id, kind, source }) => ({ id, kind, key: source.key })),
  };
}

/** Every two words in a row that somebody says, in lower case: nothing that a header could hold by chance. */
export async function phrasesSpoken(): Promise<Set<string>> {
  const transcript: { turns: { text: string }[] } = JSON.parse(
    await readFile(sample('transcript.json'), 'utf8'),
  );
  const phrases = transcript.turns.flatMap(({ text }) => {
    const words = text.toLowerCase().split(/\s+/);
    return words.slice(1).map((word, i) => `${words[i]} ${word}`);
  });
  return new Set(phrases);
}

/** How many of the phrases stand in any of the objects, as text in any case. */
export async function phrasesInClear(
  phrases: ReadonlySet<string>,
  objects: Pick<Objects, 'read'>,
  stored: readonly { readonly object: string; readonly sealedBytes: number }[],
  signal: AbortSignal,
): Promise<number> {
  const found = new Set<string>();
  for (const { object, sealedBytes } of stored) {
    const bytes = await readWhole(objects, object, sealedBytes, signal);
    const text = bytes.toString('latin1').toLowerCase();
    for (const phrase of phrases) if (text.includes(phrase)) found.add(phrase);
  }
  return found.size;
}

/** Flips one bit of a stored file; the same again flips it back. */
export async function flipBit(path: string, byte: number, bit: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << bit);
  await writeFile(path, bytes);
}
