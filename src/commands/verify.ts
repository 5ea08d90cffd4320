import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { Receipt } from '../domain/receipts.ts';
import type { CallSummary } from '../ports/registry.ts';
import { confidenceSentence } from '../work/confidence.ts';
import { findReceipt } from '../work/open-artifact.ts';
import { type ArtifactCheck, verifyReceipt } from '../work/verify-calls.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { type CallRef, callRef, callText, counted, sampleSize } from './words.ts';

interface VerifyOptions {
  readonly all?: boolean;
  readonly sample?: number;
}

/** `callseal verify`: decrypts and rehashes what is stored, and compares it with the receipts. */
export function registerVerify(program: Command, app: App): void {
  example(
    program
      .command('verify')
      .description('decrypt and rehash stored calls and compare them with their receipts; audited')
      .argument('[tenant/call]', 'one call', callRef)
      .option('--all', 'every call')
      .option('--sample <n>', 'so many calls, chosen at random', sampleSize)
      .action((ref: CallRef | undefined, options: VerifyOptions) => verify(app, ref, options)),
    'callseal verify demo/intake-0001',
    'callseal verify --sample 100 --json',
  );
}

interface Tally {
  calls: number;
  damagedCalls: number;
  objects: number;
  bytes: number;
  failed: number;
  gone: number;
}

async function verify(app: App, ref: CallRef | undefined, options: VerifyOptions): Promise<void> {
  const ways = [ref !== undefined, options.all === true, options.sample !== undefined].filter(Boolean).length;
  if (ways !== 1) throw new CallsealError('USAGE', 'name one call, or say --all, or --sample N');
  const tally: Tally = { calls: 0, damagedCalls: 0, objects: 0, bytes: 0, failed: 0, gone: 0 };
  for await (const receipt of receiptsOf(app, ref, options)) await verifyOne(app, receipt, tally);
  if (ref === undefined && tally.calls === 0) app.voice.say('there is no sealed call to verify');
  sayTally(app, tally, options.sample);
  if (tally.failed > 0) app.exitWith(EXIT.verificationFailed);
}

async function* receiptsOf(
  app: App,
  ref: CallRef | undefined,
  { sample }: VerifyOptions,
): AsyncGenerator<Receipt, void, void> {
  const { registry } = await app.ports();
  if (ref) return yield await findReceipt(registry, ref, app.signal);
  const sealed = (await registry.calls({}, app.signal)).filter(
    ({ current, shredded }) => current && !shredded,
  );
  const chosen = sample === undefined ? sealed : chosenFrom(sealed, sample);
  for (const [i, { tenant, call }] of chosen.entries()) {
    app.voice.progress(`verifying ${i + 1} of ${chosen.length} calls`);
    const receipt = await registry.currentReceipt(tenant, call, app.signal);
    if (receipt) yield receipt;
  }
}

/** `count` different ones, each as likely as any other (Fisher and Yates, as far as needed). */
function chosenFrom(calls: readonly CallSummary[], count: number): CallSummary[] {
  const pool = [...calls];
  const chosen: CallSummary[] = [];
  while (chosen.length < count && pool.length > 0) chosen.push(...pool.splice(randomInt(pool.length), 1));
  return chosen;
}

async function verifyOne(app: App, receipt: Receipt, tally: Tally): Promise<void> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  tally.calls++;
  const failedBefore = tally.failed;
  for await (const check of verifyReceipt(parts, receipt, app.signal)) {
    tally.objects++;
    tally.bytes += check.sealedBytes;
    if (check.result === 'failed') tally.failed++;
    if (check.result === 'gone') tally.gone++;
    await app.voice.item(check, () => lineOf(check));
  }
  if (tally.failed > failedBefore) tally.damagedCalls++;
}

function lineOf(check: ArtifactCheck): string {
  const code = check.code === undefined ? '' : ` ${check.code}`;
  return `${check.result}${code}  ${callText(check)} ${check.artifact}  ${check.sealedBytes} bytes`;
}

function sayTally({ voice }: App, tally: Tally, sample: number | undefined): void {
  const { calls, damagedCalls, objects, bytes, failed, gone } = tally;
  const shredded = gone > 0 ? `, ${gone} shredded` : '';
  voice.say(
    `${counted(calls, 'call')}, ${counted(objects, 'object')}, ${bytes} bytes: ${failed} failed${shredded}`,
  );
  const says = sample === undefined ? undefined : confidenceSentence(calls, damagedCalls);
  if (says !== undefined) voice.say(says);
}
