import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connection } from '../../src/adapters/aws/connection.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { noise } from './embedded-world.ts';
import { TENANTS } from './store-settings.ts';
import { type StoresWorld, storesWorld } from './stores-world.ts';

/** How long a service stays away; long enough for several probes to fail. */
const AWAY_MS = process.env['CALLSEAL_LONG'] === '1' ? 30_000 : 8_000;
const DRAINED_MS = 120_000;
const MB = 1_000_000;
const never = new AbortController().signal;

let world: StoresWorld;
let round = 0;

beforeAll(async () => {
  world = await storesWorld();
  world.startWorker();
}, 300_000);
afterAll(async () => {
  await world.stopWorker();
  await world.remove();
}, 60_000);
afterEach(async () => await world.kms.setFaults());

/** Calls of every tenant, some in one request and some in parts. */
async function publishRound(): Promise<string[]> {
  round += 1;
  const calls: string[] = [];
  for (const tenant of TENANTS) {
    for (const [i, bytes] of [20_000, 2 * MB, 20 * MB].entries()) {
      const call = `r${round}-${i}`;
      await world.publish(tenant, call, noise(`${tenant} ${call}`, bytes));
      calls.push(`${tenant}/${call}`);
    }
  }
  return calls;
}

async function answersOf(calls: readonly string[]): Promise<Map<string, string>> {
  const rows = await world.ports.registry.answers({ limit: 10_000 }, never);
  const answers = rows.map(({ tenant, call, answer }) => [`${tenant}/${call}`, answer] as const);
  return new Map(answers.filter(([call]) => calls.includes(call)));
}

async function until(what: string, holds: () => Promise<boolean>, withinMs = DRAINED_MS): Promise<void> {
  for (const from = performance.now(); performance.now() - from < withinMs; ) {
    if (await holds().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`${what}: not within ${withinMs} ms\n${world.said().slice(-4000)}`);
}

/** Waits until all are answered. @returns answers that are not what every call should come to */
async function othersThanSealed(calls: readonly string[]): Promise<string[]> {
  await until('all calls are answered', async () => (await answersOf(calls)).size === calls.length);
  const answers = [...(await answersOf(calls)).values()];
  return answers.filter((answer) => answer !== 'sealed' && answer !== 'sealed-with-warnings');
}

const away = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, AWAY_MS));

describe('while a service is away nothing is parked, nothing is lost, and the worker goes on by itself', () => {
  test('everything there', async () => {
    expect(await othersThanSealed(await publishRound())).toEqual([]);
  }, 300_000);

  for (const name of ['s3', 'kms', 'postgres'] as const) {
    test(`${name} killed under load, and away`, async () => {
      const calls = await publishRound();
      await world.kill(name);
      await away();
      await world.revive();
      expect(await othersThanSealed(calls)).toEqual([]);
    }, 300_000);
  }

  test('every request to the key service throttled', async () => {
    await world.kms.setFaults({ effect: 'throttle' });
    const calls = await publishRound();
    await away();
    expect((await answersOf(calls)).size).toBe(0);
    await world.kms.setFaults();
    expect(await othersThanSealed(calls)).toEqual([]);
  }, 300_000);

  test('replies of the key service lost', async () => {
    await world.kms.setFaults({ effect: 'drop-reply', operation: 'GenerateDataKey', times: 5 });
    expect(await othersThanSealed(await publishRound())).toEqual([]);
  }, 300_000);

  test('the key of one tenant of three disabled: only that tenant waits', async () => {
    const kms = adminClient();
    await kms.send(new DisableKeyCommand({ KeyId: await keyOf(kms, 'alias/t-2-phi') }));
    const calls = await publishRound();
    const others = calls.filter((call) => !call.startsWith('t-2/'));
    expect(await othersThanSealed(others)).toEqual([]);
    expect([...(await answersOf(calls)).keys()].toSorted()).toEqual(others.toSorted());
    await kms.send(new EnableKeyCommand({ KeyId: await keyOf(kms, 'alias/t-2-phi') }));
    kms.destroy();
    expect(await othersThanSealed(calls)).toEqual([]);
  }, 300_000);
});

describe('afterwards', () => {
  test('every call opens and is what its receipt says', async () => {
    expect(await world.callseal(['verify', '--all'])).not.toMatch(/failed/);
  }, 300_000);

  test('the log of the key service and our audit events agree, both ways', async () => {
    await world.stopWorker();
    const ends = (await generated()).filter(({ intentUid }) => intentUid !== undefined);
    const logged = (await world.kms.requests()).filter(({ operation }) => operation === 'GenerateDataKey');
    const made = new Map(
      logged.filter(({ outcome }) => outcome === 'ok').map((entry) => [entry.requestId, entry]),
    );
    const ok = ends.filter(({ outcome }) => outcome.status === 'ok');
    // Each key that we say was made is in the log under its request id …
    expect(ok.filter(({ kms }) => !made.has(kms?.requestId ?? ''))).toEqual([]);
    // … and each key that was made is one that we know of, or one whose reply was lost: then we said `unknown`.
    const known = new Set(ok.map(({ kms }) => kms?.requestId));
    const unheard = [...made.values()].filter(({ requestId }) => !known.has(requestId));
    const unknown = ends.filter(({ outcome }) => outcome.status === 'unknown').length;
    expect(unheard.length).toBeLessThanOrEqual(unknown);
    // Every intent has its end.
    const intents = (await generated()).filter(({ outcome }) => outcome.status === 'intent');
    const closed = new Set(ends.map(({ intentUid }) => intentUid));
    const open = intents.filter(({ eventUid }) => !closed.has(eventUid));
    const states = await Promise.all(
      open.map(async ({ subject }) => await world.ports.registry.attemptState(subject?.uid ?? '', never)),
    );
    // Only the sweep may close those of attempts that nobody could end, a day later.
    expect(states.filter((state) => state !== 'open')).toEqual([]);
  }, 60_000);
});

async function generated(): Promise<AuditFact[]> {
  const facts: AuditFact[] = [];
  for await (const event of world.ports.registry.chain(1, never)) {
    if (event.action === 'key.generate') facts.push(event);
  }
  return facts;
}

function adminClient(): KMSClient {
  const { endpoint, region, credentialsFiles } = world.services.kms;
  return new KMSClient(
    connection({ endpoint, region, ca: world.services.tls.ca, credentialsFile: credentialsFiles.root }),
  );
}

async function keyOf(kms: KMSClient, alias: string): Promise<string> {
  const { DescribeKeyCommand } = await import('@aws-sdk/client-kms');
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: alias }));
  return KeyMetadata?.KeyId ?? '';
}
