import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import {
  COMPARED,
  type InFlight,
  type ReconcileFinding,
  type ReconcileReport,
  type Whereabouts,
} from '../work/reconcile/findings.ts';
import { type ListedSource, readListing } from '../work/reconcile/listing.ts';
import { reconcile } from '../work/reconcile/reconcile.ts';
import { age, ageText } from './age.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { counted } from './words.ts';

interface ReconcileCommandOptions {
  readonly since: number;
  readonly listing?: string;
}

const DAY_MS = 86_400_000;

/** `callseal reconcile`: is everything that was announced answered, stored and told, and nothing else? */
export function registerReconcile(program: Command, app: App): void {
  example(
    program
      .command('reconcile')
      .description('compare events, answers, receipts, objects, outputs and sources with each other; audited')
      .option('--since <age>', 'from so long ago to now: 90m, 24h, 6d', age('--since'), DAY_MS)
      .option(
        '--listing <file>',
        'what a source store holds: alias, key, bytes and perhaps a time, with tabs',
      )
      .action((options: ReconcileCommandOptions) => reconcileNow(app, options)),
    'callseal reconcile --since 24h',
  );
}

async function reconcileNow(app: App, { since, listing }: ReconcileCommandOptions): Promise<void> {
  const { voice, signal } = app;
  const { limits } = (await app.settings()).settings;
  const parts = { ...(await app.ports()), ...(await app.desk()), limits, now: () => new Date() };
  const report = await reconcile(
    parts,
    {
      since: new Date(Date.now() - since),
      ...(listing !== undefined && { listing: await listingOf(app, listing) }),
      finding: async (finding) => await voice.item(findingItem(finding), () => findingLine(finding)),
      inFlight: async (what) => await voice.item({ kind: 'in-flight', ...what }, () => inFlightLine(what)),
      progress: (what, count) => voice.progress(`${count} ${what} compared`),
    },
    signal,
  );
  await voice.item({ kind: 'summary', ...report }, () => comparedLine(report));
  voice.say(verdict(report));
  if (report.findings > 0) app.exitWith(EXIT.verificationFailed);
}

async function listingOf(app: App, path: string): Promise<AsyncIterable<ListedSource>> {
  const { tenants } = (await app.settings()).settings;
  const tenantsOf = (alias: string): string[] =>
    Object.keys(tenants).filter((tenant) => Object.hasOwn(tenants[tenant]?.sources ?? {}, alias));
  return readListing(linesOf(resolve(path)), tenantsOf);
}

async function* linesOf(path: string): AsyncGenerator<string, void, undefined> {
  const file = await open(path).catch((cause: unknown) => {
    throw new CallsealError('USAGE', `the listing ${JSON.stringify(path)} cannot be read`, { cause });
  });
  // Not before it is asked for: lines that come before somebody waits for them are lost.
  yield* file.readLines();
}

function findingItem(finding: ReconcileFinding) {
  return { kind: 'finding', ...finding };
}

function findingLine({ code, ...where }: ReconcileFinding): string {
  return `${code}  ${whereText(where)}`;
}

function inFlightLine({ stage, ageMs, ...where }: InFlight): string {
  return `in flight, ${stage} for ${ageText(ageMs)}  ${whereText(where)}`;
}

function whereText({ tenant, call, ...rest }: Whereabouts): string {
  const named = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  return [...(tenant === undefined ? [] : [[tenant, call].filter(Boolean).join('/')]), ...named].join('  ');
}

function comparedLine({ compared }: ReconcileReport): string {
  return `compared  ${COMPARED.map((what) => counted(compared[what], what.slice(0, -1))).join(', ')}`;
}

function verdict({
  findings,
  inFlight,
  oldestInFlightMs,
  repeated,
  unjudged,
  since,
}: ReconcileReport): string {
  const more = [
    ...(inFlight > 0 ? [`${inFlight} in flight, the oldest for ${ageText(oldestInFlightMs)}`] : []),
    ...(repeated > 0 ? [`${counted(repeated, 'output')} repeated as they were`] : []),
    ...(unjudged > 0 ? [`${counted(unjudged, 'source')} from before that time and in no receipt`] : []),
  ];
  return [`${counted(findings, 'finding')} since ${since}`, ...more].join('; ');
}
