import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { codeOf } from '../../src/domain/errors.ts';
import { never, open, place, sealing, sealProposal } from './registry-proposals.ts';
import { openWorldDatabase } from './registry-worlds.ts';

/**
 * Another process on the registry under test:
 *
 *   registry-child.ts KIND LOCATION FIRST COUNT
 *
 * Answers the deliveries of COUNT origins from FIRST on, each a call of its own, and prints the uid of each answer
 * once it is acknowledged, or the code it failed with.
 */
const [kind = '', location = '', first = '', count = ''] = process.argv.slice(2);
const database = await openWorldDatabase({ kind, location });
const registry = sqlRegistry(database);
for (let offset = Number(first); offset < Number(first) + Number(count); offset++) {
  try {
    const of = sealing({ origin: place(offset), call: `c-${offset}` });
    const decided = await registry.decide(sealProposal(of, await open(registry, of)), never);
    process.stdout.write(`${offset} ${decided.kind === 'answered' ? decided.row.uid : decided.kind}\n`);
  } catch (error) {
    process.stdout.write(`${offset} ${codeOf(error)}\n`);
  }
}
await registry.close();
