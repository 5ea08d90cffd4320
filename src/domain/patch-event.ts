import { applyPatch, type Operation } from 'rfc6902';
import { z } from 'zod';
import { canonical } from './canonical.ts';
import { CallsealError } from './errors.ts';
import type { Letter } from './letter.ts';

const pointer = z.string().regex(/^(\/([^~/]|~[01])*)+$/);
const OPERATION = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), path: pointer, value: z.json() }),
  z.strictObject({ op: z.literal('remove'), path: pointer }),
  z.strictObject({ op: z.literal('replace'), path: pointer, value: z.json() }),
  z.strictObject({ op: z.literal('move'), from: pointer, path: pointer }),
  z.strictObject({ op: z.literal('copy'), from: pointer, path: pointer }),
  z.strictObject({ op: z.literal('test'), path: pointer, value: z.json() }),
]);
const PATCH = z.array(OPERATION).min(1).max(100);
/** Whose call it is belongs to the delivery and not to a correction of it. */
const FIXED = /^\/(tenant|call)(\/|$)/;
/** Names that reach what every object shares; no event may hold them either. */
const FORBIDDEN = /\/(__proto__|constructor|prototype)(\/|$)/;

/** What a patch does, without the values: they are content. */
export interface PatchStep {
  readonly op: string;
  readonly path: string;
}

/**
 * Reads a JSON Patch (RFC 6902) of an event's `data`.
 *
 * @returns its canonical text, which the plan's hash binds
 * @throws CallsealError USAGE - no patch, or one that would make it another call's event
 */
export function parsePatch(text: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new CallsealError('USAGE', 'the patch is not JSON');
  }
  const patch = PATCH.safeParse(parsed);
  if (!patch.success) {
    throw new CallsealError('USAGE', 'the patch is no JSON Patch (RFC 6902) of 1 to 100 operations', {
      hint: 'such as [{"op":"replace","path":"/artifacts/0/source/key","value":"new.wav"}]',
    });
  }
  for (const step of patch.data) {
    const paths = 'from' in step ? [step.path, step.from] : [step.path];
    if (step.op !== 'test' && paths.some((path) => FIXED.test(path))) {
      throw new CallsealError('USAGE', 'a patch may not change tenant or call of an event');
    }
    if (paths.some((path) => FORBIDDEN.test(path))) {
      throw new CallsealError('USAGE', 'a patch may not name a field that every object has');
    }
  }
  return canonical(patch.data);
}

export function patchSteps(patch: string): PatchStep[] {
  return operationsOf(patch).map(({ op, path }) => ({ op, path }));
}

function operationsOf(patch: string): Operation[] {
  const operations: Operation[] = JSON.parse(patch);
  return operations;
}

/**
 * The letter with its event's `data` changed, in whichever CloudEvents mode it came; bytes of its own.
 *
 * @throws CallsealError EVENT_NOT_JSON, REFUSED - an operation does not fit this event
 */
export function patchEvent(letter: Letter, patch: string): Letter {
  let event: unknown;
  try {
    event = JSON.parse(letter.value.toString('utf8'));
  } catch {
    throw new CallsealError('EVENT_NOT_JSON', 'the event is not JSON');
  }
  const isBinary = letter.headers['ce_specversion'] !== undefined;
  const holder = isBinary ? { data: event } : event;
  if (typeof holder !== 'object' || holder === null || !('data' in holder)) {
    throw new CallsealError('REFUSED', 'the event has no data');
  }
  const failures = applyPatch(holder.data, operationsOf(patch)).filter((failure) => failure !== null);
  if (failures.length > 0) throw new CallsealError('REFUSED', 'the patch does not fit this event');
  const value = Buffer.from(JSON.stringify(isBinary ? holder.data : holder));
  return { ...letter, value };
}
