/**
 * `make bench`: every row against its reference, in one run. Prints the table, writes bench/results/<date>.json, and
 * ends with 1 when a row missed its floor.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { whatIsMissing } from '../test/services/env.ts';
import { decoderBench } from './decoder.ts';
import { machineFacts } from './machine.ts';
import { mediaBench, whyNoMedia } from './media.ts';
import { pipelineBench } from './pipeline.ts';
import { sealBench } from './seal.ts';
import { tableText } from './table.ts';
import { uploadBench } from './upload.ts';

const missing = await whatIsMissing('s3');
const noMedia = whyNoMedia();
const rows = [
  ...(await sealBench()),
  ...(noMedia === undefined ? await mediaBench() : []),
  ...(await pipelineBench()),
  ...(await decoderBench()),
  ...(missing === undefined ? await uploadBench() : []),
];
const results = join(import.meta.dirname, 'results');
const date = new Date().toISOString().slice(0, 10);
await mkdir(results, { recursive: true });
await writeFile(
  join(results, `${date}.json`),
  `${JSON.stringify({ date, machine: machineFacts(), rows }, null, 2)}\n`,
);
console.log(tableText(rows));
if (noMedia !== undefined) console.log(`${noMedia}the tap`);
if (missing !== undefined) console.log(`skipped: sealed upload (${missing})`);
process.exitCode = rows.every(({ met }) => met) ? 0 : 1;
