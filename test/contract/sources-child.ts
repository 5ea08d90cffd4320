import { filesSources } from '../../src/adapters/sources/files.ts';
import { CallsealError } from '../../src/domain/errors.ts';

/** Another user's look at a source: `sources-child.ts ROOT KEY` prints the code it fails with, and the scope. */
const [root = '', key = ''] = process.argv.slice(2);
const sources = filesSources({ aliases: { 't-42': { edge: { root } } } });
const ref = { tenant: 't-42', call: 'c-1', revision: 1, alias: 'edge', key };
try {
  const { bytes } = await sources.stat(ref, new AbortController().signal);
  process.stdout.write(`${bytes}\n`);
} catch (error) {
  if (!(error instanceof CallsealError)) throw error;
  process.stdout.write(`${error.code} ${error.scope?.tenant} ${error.scope?.alias}\n`);
}
