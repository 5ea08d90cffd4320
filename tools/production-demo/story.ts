import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome, OutcomeArtifact } from '../../src/domain/outcome-event.ts';
import { openWithStockSdk } from '../../test/contract/stock-javascript.ts';
import { callseal, type Deployment, makeDeployment } from './deployment.ts';
import { type Edge, openEdge } from './edge.ts';
import { openReader, type Reader } from './reader.ts';
import { type SampleCall, sampleBytes, sampleCall } from './sample-call.ts';
import { until } from './until.ts';
import { sharesOf, startWorker, type Worker } from './workers.ts';

const PARTITIONS = 6;

/** Everybody who takes part; each has a certificate of its own. */
interface Cast {
  readonly deployment: Deployment;
  readonly call: SampleCall;
  readonly edge: Edge;
  readonly reader: Reader;
  readonly workers: readonly Worker[];
  readonly signal: AbortSignal;
}

/** One call through profile production, from the edge's event to the proof, a line for each step. */
export async function tellStory(deployment: Deployment, signal: AbortSignal): Promise<void> {
  await tellDeployed(deployment, signal);
  await using closing = new AsyncDisposableStack();
  const workers = [1, 2].map((number) => startWorker(deployment, number));
  closing.defer(async () => void (await Promise.all(workers.map(async (worker) => await worker.stop()))));
  const edge = closing.adopt(await openEdge(deployment), async (opened) => await opened.close());
  const reader = closing.adopt(await openReader(deployment, signal), async (opened) => await opened.close());
  const call = await sampleCall(deployment.sources);
  const cast = { deployment, call, edge, reader, workers, signal };

  await tellCall(cast);
  await tellShares(cast);
  const outcome = await tellSealed(cast);
  await tellOpened(cast, transcriptOf(outcome));
  await tellVerified(cast);
  await tellAudited(cast);
  await tellRepeated(cast);
  await tellStopped(cast);
}

/** A line of the story: a heading and what is said. */
function tell(step: string, says: string): void {
  process.stdout.write(`${step.padEnd(11)} ${says}\n`);
}

async function tellDeployed(deployment: Deployment, signal: AbortSignal): Promise<void> {
  const { topics, rights, version } = await makeDeployment(deployment, PARTITIONS, signal);
  const { prefix, database, bucket } = deployment;
  tell('deployed', `${topics} topics ${prefix}.* with ${rights} rights; tables of version ${version} in`);
  tell('', `database ${database}; bucket ${bucket}`);
}

async function tellCall({ edge, call }: Cast): Promise<void> {
  const bytes = await edge.put(call);
  tell(
    'a call ends',
    `${call.key}: the edge puts ${call.sources.length} artifacts, ${size(bytes)}, into its bucket`,
  );
}

async function tellShares({ deployment, workers, signal }: Cast): Promise<void> {
  const shares = await sharesOf(deployment, workers, PARTITIONS, signal);
  const pids = workers.map(({ pid }) => pid).join(' and ');
  const said = shares.map((share) => share.join(' ')).join(', and ');
  tell('workers', `processes ${pids} of src/main.ts --profile production share the partitions: ${said}`);
}

async function tellSealed({ deployment, call, edge, reader, workers, signal }: Cast): Promise<Outcome> {
  const place = await edge.announce(call);
  const from = performance.now();
  tell('published', `by the edge, over mutual TLS, as ${place}`);
  const value = await reader.first(deployment.topics.outputs.outcome, call.key, signal);
  const ms = Math.round(performance.now() - from);
  const outcome: Outcome = JSON.parse(value.toString());
  const by = await until(
    'no worker said that it answered',
    () => workers.find((w) => w.answered(call.call)),
    signal,
  );
  const bytes = outcome.artifacts.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);
  tell('sealed', `by process ${by.pid}: ${outcome.artifacts.length} objects, ${size(bytes)}`);
  tell('outcome', `read by the reader after ${ms} ms: ${outcome.answer}, ${currentWords(outcome)}`);
  return outcome;
}

function currentWords({ current, registryEpoch, sequence }: Outcome): string {
  const is = typeof current === 'string' ? current : `revision ${current.revision}`;
  return `the call's receipt is ${is} (epoch ${registryEpoch}, sequence ${sequence})`;
}

function transcriptOf({ artifacts }: Outcome): OutcomeArtifact {
  const found = artifacts.find(({ kind }) => kind === 'transcript');
  if (found?.announced !== 'inline')
    throw new Error('the outcome announces no transcript that travels in its event');
  return found;
}

/** The operator exports the call key; the reader opens what came to it without any program of callseal. */
async function tellOpened(
  { deployment, call, reader, signal }: Cast,
  transcript: OutcomeArtifact,
): Promise<void> {
  const sealed = await reader.first(deployment.topics.outputs.transcripts, call.key, signal);
  const out = join(deployment.folder, 'call.key');
  const { keyClass, namespace, keyName } = transcript;
  const words = [
    'keys',
    'export',
    call.key,
    '--class',
    keyClass,
    '-o',
    out,
    '--reason',
    'the demo reads along',
  ];
  await callseal(deployment, 'operator', words, signal);
  const callKey = await readFile(out);
  tell(
    'exported',
    `by the operator with callseal keys export: the ${keyClass} key of the call, ${size(callKey.length)}`,
  );
  const { plain } = await openWithStockSdk(sealed, { callKey, namespace, keyName });
  const isSame = plain.equals(await sampleBytes('transcript.json'));
  tell(
    'opened',
    `the transcript event, ${size(sealed.length)}, by the stock AWS Encryption SDK with that key:`,
  );
  tell('', `${size(plain.length)}, ${isSame ? 'the same as' : 'NOT the same as'} the sample`);
}

async function tellVerified({ deployment, call, signal }: Cast): Promise<void> {
  const said = await callseal(deployment, 'operator', ['verify', call.key, '--json'], signal);
  const checks = said
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { result?: string } => JSON.parse(line));
  const ok = checks.filter(({ result }) => result === 'ok').length;
  tell('verified', `${ok} of ${checks.length} objects decrypt, and match the receipt`);
}

interface AuditVerdict {
  readonly from: number;
  readonly to: number;
  readonly problemCount: number;
  readonly tail: { readonly provedThrough?: number };
}

/** The relay is a moment behind: what is not chained and published yet is waited for. */
async function tellAudited({ deployment, signal }: Cast): Promise<void> {
  const { from, to, problemCount } = await until(
    'the audit chain was not published whole',
    async () => {
      const said = await callseal(deployment, 'operator', ['audit', 'verify', '--json'], signal);
      const verdict: AuditVerdict = JSON.parse(said);
      return verdict.tail.provedThrough === verdict.to ? verdict : undefined;
    },
    signal,
  );
  const is = problemCount === 0 ? 'whole' : `${problemCount} problems`;
  tell(
    'audited',
    `events ${from} to ${to} of the chain: ${is}, and the last one stands on ${deployment.topics.outputs.audit}`,
  );
}

/** A duplicate is announced to nobody: the registry knows. */
async function tellRepeated({ deployment, call, edge, signal }: Cast): Promise<void> {
  const place = await edge.announce(call);
  const answer = await until(
    'the repeated event was not answered',
    async () => {
      const said = await callseal(deployment, 'operator', ['await', call.key, '--json'], signal);
      const newest: { answer: string } = JSON.parse(said);
      return newest.answer.startsWith('sealed') ? undefined : newest.answer;
    },
    signal,
  );
  tell('repeated', `the same event once more, as ${place}: ${answer}`);
}

async function tellStopped({ workers }: Cast): Promise<void> {
  const codes = await Promise.all(workers.map(async (worker) => await worker.stop()));
  tell('stopped', `both workers, by a signal: exit codes ${codes.join(' and ')}`);
}

function size(bytes: number): string {
  return `${bytes.toLocaleString('en')} bytes`;
}
