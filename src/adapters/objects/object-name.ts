import { CallsealError } from '../../domain/errors.ts';

/** One piece of a name: an id, with `~` where the worker made the artifact. */
const PIECE = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,200}$/;

export function isObjectName(name: string): boolean {
  return name.split('/').every((piece) => PIECE.test(piece));
}

/**
 * Refuses what is no object name: pieces of ids joined by `/`. Names come from this product alone, so another one
 * is a bug, and a bug must not become a path.
 *
 * @throws CallsealError BUG
 */
export function checkObjectName(name: string): void {
  if (!isObjectName(name)) throw new CallsealError('BUG', 'not an object name: it must be ids joined by /');
}

/**
 * Refuses a prefix that no object name can have: a listing of it would be empty, and read as "nothing is left".
 *
 * @throws CallsealError BUG
 */
export function checkObjectPrefix(prefix: string): void {
  // Some character must be able to follow, also behind a slash or a first dot.
  if (!isObjectName(`${prefix}0`)) throw new CallsealError('BUG', 'not the beginning of an object name');
}
