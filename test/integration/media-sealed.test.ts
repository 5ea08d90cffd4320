import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type MadeKind, madeId } from '../../src/domain/artifacts.ts';
import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import type { Receipt } from '../../src/domain/receipts.ts';
import { openArtifact } from '../../src/work/open-artifact.ts';
import { artifact, callEvent } from '../work/given.ts';
import { SIGNAL, settled } from '../work/seen.ts';
import { openWorld, type World } from '../work/world.ts';
import { CORPUS, prepareCorpus } from './corpus.ts';

/** Every file of the corpus, good and bad, through the whole embedded pipeline: what is opened is what was received. */
const skipped = prepareCorpus();

const PCM: Readonly<Record<string, string>> = { s16le: 'pcm_s16le', ulaw: 'pcm_mulaw', alaw: 'pcm_alaw' };
const NOT_RECORDINGS = ['SHA256SUMS', 'MADE_BY'];
const files =
  skipped === ''
    ? readdirSync(CORPUS, { recursive: true, encoding: 'utf8', withFileTypes: true })
        .filter((entry) => entry.isFile() && !NOT_RECORDINGS.includes(entry.name))
        .map(({ parentPath, name }) => `${parentPath}/${name}`)
        .toSorted()
    : [];

function declared(file: string): { media?: DeclaredMedia } {
  const codec = PCM[file.split('.').at(-1) ?? ''];
  if (codec === undefined) return {};
  return { media: { container: 'raw', codec, sampleRate: 8000, channels: ['agent', 'caller'] } };
}

const idOf = (at: number): string => `a${at}`;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe(`${skipped}the whole corpus in one call`, { skip: skipped !== '' }, () => {
  test('no file is too damaged to be sealed, SHA-256 opened is SHA-256 received, and what has samples has peaks', async () => {
    expect(files.length).toBeGreaterThan(45);
    const world = await openWorld();
    for (const [at, file] of files.entries()) world.put(idOf(at), readFileSync(file));
    const artifacts = files.map((file, at) => artifact(idOf(at), 'audio', idOf(at), declared(file)));
    settled(await world.handle(world.delivery(callEvent({ artifacts }))));
    const receipt = await world.receipt();

    const wrong: string[] = [];
    for (const [at, file] of files.entries()) {
      if ((await openedSha256(world, receipt, idOf(at))) !== sha256(readFileSync(file)))
        wrong.push(`${file}: other bytes`);
      const has = (made: MadeKind) => receipt.artifacts.some(({ id }) => id === madeId(idOf(at), made));
      const media = receipt.artifacts.find(({ id }) => id === idOf(at))?.media;
      const isListenedTo = Object.values(PCM).includes(media?.codec ?? '') && (media?.sampleFrames ?? 0) > 0;
      if (has('peaks') !== isListenedTo || has('stats') !== isListenedTo) wrong.push(`${file}: peaks`);
      if (media?.endState === 'unparseable' && has('index')) wrong.push(`${file}: an index`);
    }
    expect(wrong).toEqual([]);
  });
});

async function openedSha256(world: World, { tenant, call }: Receipt, id: string): Promise<string> {
  const { plaintext } = await openArtifact(world, { tenant, call, artifact: id, reason: 'a test' }, SIGNAL);
  const hash = createHash('sha256');
  for await (const chunk of plaintext) hash.update(chunk);
  return hash.digest('hex');
}
