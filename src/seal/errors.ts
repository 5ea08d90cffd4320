/**
 * What the sealed-object format can say when something is wrong.
 *
 * - `NOT_AUTHENTIC` the bytes are malformed, outside our profile, damaged, moved, cut, forged or under
 *   another key. One code for all of them on purpose: telling them apart helps only a forger.
 * - `BAD_ARGUMENT` the caller's own values are wrong; no sealed byte was believed.
 * - `RANGE_OUTSIDE` a range that does not lie inside the plaintext.
 * - `LENGTH_DIFFERS` the source did not have the number of bytes that was declared for it.
 * - `SELF_TEST_FAILED` this runtime does not compute what the format needs: stop the process.
 */
export type SealFormatErrorCode =
  | 'NOT_AUTHENTIC'
  | 'BAD_ARGUMENT'
  | 'RANGE_OUTSIDE'
  | 'LENGTH_DIFFERS'
  | 'SELF_TEST_FAILED';

/** The only error that leaves this folder. It carries no key, no plaintext and never a cause. */
export class SealFormatError extends Error {
  override readonly name = 'SealFormatError';
  readonly code: SealFormatErrorCode;

  constructor(code: SealFormatErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Every refusal of sealed bytes is this one error, with this one sentence. */
export function notAuthentic(): SealFormatError {
  return new SealFormatError('NOT_AUTHENTIC', 'these bytes are not the sealed object that was asked for');
}

export function badArgument(message: string): SealFormatError {
  return new SealFormatError('BAD_ARGUMENT', message);
}
