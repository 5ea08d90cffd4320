import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { Receipt } from '../domain/receipts.ts';
import type { Tenant } from '../domain/tenants.ts';
import { findReceipt } from '../work/open-artifact.ts';
import { type KeptCode, type ReleasedSource, releaseSources, whyKept } from '../work/release-sources.ts';
import { age } from './age.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import { type CallRef, callRef, callText, counted, id } from './words.ts';

interface ReleaseOptions {
  readonly olderThan?: number;
  readonly tenant?: string;
  readonly dryRun?: boolean;
}

interface Tally {
  readonly released: number;
  readonly wouldRelease: number;
  readonly gone: number;
  readonly left: number;
  readonly kept: number;
}

/** Calls looked at together; each is opened on its own. */
const PAGE = 100;

/** `callseal sources release`: the plaintext at the edge, once the sealed call stands in for it. */
export function registerSources(program: Command, app: App): void {
  const sources = group(program, 'sources', 'what edges stored before it was sealed');
  example(
    sources
      .command('release')
      .description('delete the sources of sealed calls, all versions; opens each call before; audited')
      .argument('[tenant/call]', 'one call', callRef)
      .option('--tenant <id>', 'with --older-than: every call of this tenant', id)
      .option('--older-than <age>', 'sealed so long ago: 30d', age('--older-than'))
      .option('--dry-run', 'only say what would be deleted')
      .action((ref: CallRef | undefined, options: ReleaseOptions) => release(app, ref, options)),
    'callseal sources release demo/intake-0001 --dry-run',
    'callseal sources release --tenant demo --older-than 30d --ticket OPS-17',
  );
}

async function release(app: App, ref: CallRef | undefined, options: ReleaseOptions): Promise<void> {
  const { tenant: named, olderThan, dryRun = false } = options;
  const isBatch = named !== undefined && olderThan !== undefined;
  if ((ref === undefined) !== isBatch || (ref && (named ?? olderThan) !== undefined)) {
    throw new CallsealError('USAGE', 'name one call, or say --tenant and --older-than');
  }
  if (!dryRun && app.ticket === undefined) {
    throw new CallsealError(
      'REFUSED',
      'deleting sources needs a ticket: who asked for it must stand in the audit log',
      {
        hint: 'say --ticket ID, or --dry-run to look first',
      },
    );
  }
  const tenant = await tenantOf(app, ref?.tenant ?? named ?? '');
  const tally = { released: 0, wouldRelease: 0, gone: 0, left: 0, kept: 0 };
  const seen = new Set<ReleasedSource['result'] | KeptCode>();
  for await (const item of ref
    ? ofCall(app, tenant, ref, dryRun)
    : ofTenant(app, tenant, olderThan ?? 0, dryRun)) {
    tally[item.result === 'would-release' ? 'wouldRelease' : item.result]++;
    seen.add(item.result);
    if (item.code !== undefined) seen.add(item.code);
    await app.voice.item(item, () => lineOf(item));
  }
  say(app, tally, dryRun);
  app.exitWith(exitOf(seen));
}

/** A sealed object that is not what its receipt says comes before a source that is still there. */
function exitOf(items: ReadonlySet<ReleasedSource['result'] | KeptCode>): number {
  const is = (...words: readonly KeptCode[]): boolean => words.some((word) => items.has(word));
  if (is('NOT_AUTHENTIC', 'DIGEST_DIFFERS', 'OBJECT_MISSING')) return EXIT.verificationFailed;
  return items.has('left') || items.has('kept') ? EXIT.partial : EXIT.ok;
}

async function tenantOf(app: App, name: string): Promise<Tenant> {
  const tenant = await (await app.desk()).tenants.find(name);
  if (tenant) return tenant;
  throw new CallsealError('NOT_FOUND', `there is no tenant ${name}`, { hint: 'callseal list' });
}

async function* ofCall(
  app: App,
  tenant: Tenant,
  ref: CallRef,
  dryRun: boolean,
): AsyncGenerator<ReleasedSource, void, undefined> {
  const { registry } = await app.ports();
  const receipt = await findReceipt(registry, ref, app.signal);
  const why = whyKept(tenant, receipt, new Date());
  if (why !== undefined)
    throw new CallsealError('REFUSED', `the sources of ${callText(ref)} stay: ${WHY[why]}`);
  yield* sourcesOf(app, receipt, dryRun);
}

/** A call that is too young is passed over; a tenant whose sources stay is refused whole. */
async function* ofTenant(
  app: App,
  tenant: Tenant,
  olderThan: number,
  dryRun: boolean,
): AsyncGenerator<ReleasedSource, void, undefined> {
  const { registry } = await app.ports();
  const whole = whyKept(tenant, { sealedAt: new Date(0).toISOString() }, new Date());
  if (whole !== undefined)
    throw new CallsealError('REFUSED', `the sources of ${tenant.id} stay: ${WHY[whole]}`);
  let looked = 0;
  for (let callUid = ''; ; ) {
    const receipts = await registry.currentReceipts({ tenant: tenant.id, callUid }, PAGE, app.signal);
    for (const receipt of receipts) {
      app.voice.progress(`${++looked} calls looked at`);
      const isYoung = Date.now() - Date.parse(receipt.sealedAt) < olderThan;
      if (!isYoung && whyKept(tenant, receipt, new Date()) === undefined)
        yield* sourcesOf(app, receipt, dryRun);
    }
    const last = receipts.at(-1);
    if (last === undefined) return;
    callUid = last.callUid;
  }
}

async function* sourcesOf(
  app: App,
  receipt: Receipt,
  dryRun: boolean,
): AsyncGenerator<ReleasedSource, void, undefined> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  yield* releaseSources(parts, receipt, { dryRun }, app.signal);
}

const WHY: Readonly<Partial<Record<KeptCode, string>>> = {
  TENANT_HELD: 'its tenant is held (tenants.*.hold)',
  SOURCES_KEPT: 'its policy has no releaseSourcesAfter',
  TOO_YOUNG: 'it was sealed more recently than policies.*.releaseSourcesAfter',
};

function lineOf({ result, code, artifact, alias, stored, ...ref }: ReleasedSource): string {
  const versions = stored > 0 ? `  ${counted(stored, 'version')}` : '';
  return `${result}${code === undefined ? '' : ` ${code}`}  ${callText(ref)} ${artifact}  at ${alias}${versions}`;
}

function say({ voice }: App, { released, wouldRelease, gone, left, kept }: Tally, dryRun: boolean): void {
  const done = dryRun
    ? `${counted(wouldRelease, 'source')} would be released`
    : `${counted(released, 'source')} released`;
  voice.say(`${done}, ${gone} gone before, ${left} left by the store, ${kept} kept`);
}
