import { createHash } from 'node:crypto';
import { codeOf, dispositionOf } from '../domain/errors.ts';

/** Where in the path of a call something failed; with the code it says what to look at. */
export const STAGES = ['decode', 'authorise', 'plan', 'seal', 'decide', 'settle'] as const;
export type Stage = (typeof STAGES)[number];

const FRAMES = 3;
/** `at name (…/src/folder/file.ts:1:2)`: the function and our own file, without where the checkout lies. */
const OUR_FRAME = /^\s*at (?:async )?(?:(\S+) \()?.*\/(?:src|dist)\/((?:[\w-]+\/)*[\w-]+)\.[tj]s:\d+:\d+\)?$/;

/**
 * The same cause gives the same fingerprint, whatever the call: SHA-256, hex, of stage and code; for a bug also of
 * its class and the top three frames of ours, as file and function.
 */
export function fingerprint(stage: Stage, error: unknown): string {
  const code = codeOf(error);
  const cause = dispositionOf(code) === 'bug' ? bugLines(error) : [];
  return createHash('sha256')
    .update([stage, code, ...cause].join('\n'))
    .digest('hex');
}

function bugLines(error: unknown): string[] {
  if (!(error instanceof Error)) return [typeof error];
  const frames = (error.stack ?? '').split('\n').flatMap((line) => {
    const match = OUR_FRAME.exec(line);
    return match ? [`${match[2]} ${match[1] ?? '(anonymous)'}`] : [];
  });
  return [error.constructor.name, ...frames.slice(0, FRAMES)];
}
