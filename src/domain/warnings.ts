import type { MediaWarning } from './media.ts';

/** What is odd about a sealed call but stops nothing. On the receipt, in the outcome, never in the way. */
export type Warning =
  | MediaWarning
  | 'KEY_NOT_CALL'
  | 'ID_LOOKS_LIKE_NUMBER'
  | 'UNKNOWN_FIELDS'
  | 'VOICEPRINT_CONSENT_MISSING'
  | 'CLASS_SHREDDED'
  | 'SHAPE_UNKNOWN'
  | 'VECTOR_SIZE_DIFFERS'
  | 'EMPTY';
