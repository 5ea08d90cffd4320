import { spawnSync } from 'node:child_process';

export const CORPUS = '.tmp/corpus';

/** Builds the corpus, or finds it built. Returns why it cannot be had here, or nothing. */
export function prepareCorpus(): string {
  const made = spawnSync('bash', ['scripts/corpus.sh'], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const PACKAGES_MISSING = 8;
  if (made.status === PACKAGES_MISSING) return `skipped: ${made.stderr.trim()}: `;
  if (made.status !== 0) throw new Error(`scripts/corpus.sh failed: ${made.stderr}`);
  return '';
}
