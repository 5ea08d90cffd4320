import { z } from 'zod';

/** What a dead letter holds: the record as the edge wrote it. */
export interface Letter {
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

const LETTER = z.object({
  key: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  value: z.base64(),
});

/** From a letter's plaintext. @throws SyntaxError, TypeError - it holds something else */
export function parseLetter(plain: Uint8Array): Letter {
  const letter = LETTER.safeParse(JSON.parse(new TextDecoder().decode(plain)));
  // Not zod's own words: they can quote what stands there.
  if (!letter.success) throw new TypeError('not the plaintext of a dead letter');
  const { key, headers, value } = letter.data;
  return { key: key ?? undefined, headers, value: Buffer.from(value, 'base64') };
}
