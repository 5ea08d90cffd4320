/**
 * Makes `test/vectors/{good,bad}.json`, the frozen vectors of the sealed-object format. Everything in them
 * follows from their names, so a second run makes the same bytes; it never changes a vector that is there.
 *
 *   node tools/vectors.ts          writes the files; says what differs from the frozen ones and exits 1
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { badVectors, goodVectors } from '../test/vectors/definitions.ts';

const FOLDER = new URL('../test/vectors/', import.meta.url);

let changed = 0;
for (const [name, vectors] of Object.entries({ good: goodVectors(), bad: badVectors() })) {
  const file = new URL(`${name}.json`, FOLDER);
  const text = `${JSON.stringify(vectors, null, 2)}\n`;
  if (existsSync(file) && readFileSync(file, 'utf8') !== text) {
    changed += 1;
    console.error(`vectors: ${name}.json is frozen and differs from what its definitions make now`);
    continue;
  }
  writeFileSync(file, text);
  console.log(
    `${name}.json ${vectors.length} vectors, sha256 ${createHash('sha256').update(text).digest('hex')}`,
  );
}
process.exitCode = changed > 0 ? 1 : 0;
