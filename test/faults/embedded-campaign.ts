import type { CrashPoint } from '../../src/domain/crash-points.ts';
import { type EmbeddedWorld, noise, type Run, TENANTS } from './embedded-world.ts';

/** What an event must come to, whatever is killed on the way. */
export interface Expected {
  readonly topic: string;
  readonly offset: number;
  readonly tenant: string;
  readonly call: string;
  readonly answers: readonly string[];
  readonly code?: string;
  /** Plaintext by artifact id, where this event's revision must be the one that is sealed in the end. */
  readonly plain?: ReadonlyMap<string, Buffer>;
}

export interface Campaign {
  readonly expected: Expected[];
  /** How often the worker died at each point. */
  readonly kills: Map<string, number>;
}

/** Every step at which the path of a call can be cut. */
const POINTS: readonly CrashPoint[] = [
  'after-read',
  'after-attempt',
  'after-key',
  'mid-artifact',
  'before-object-visible',
  'after-object-visible',
  'after-artifact',
  'before-decision',
  'in-decision',
  'after-decision',
  'in-settle',
  'after-settle',
];

/** Steps of the relay. Its lease outlives a killed worker by some seconds, so a worker has to wait for these. */
const RELAY_POINTS: readonly CrashPoint[] = ['after-sequence', 'after-relay-publish', 'after-relay-mark'];

/** A word that is in every plaintext: it must stand nowhere else. */
export const CANARY = 'Xylophagous-Quokka-5550199';

interface Story {
  readonly name: string;
  readonly publish: (world: EmbeddedWorld, tenant: string, call: string) => Promise<Expected[]>;
}

/**
 * Publishes calls of every story round after round, each time with a worker that is killed at the next point (or at
 * a random one), until `kills` workers have died; then lets a worker finish.
 */
export async function crashCampaign(world: EmbeddedWorld, kills: number, seed: number): Promise<Campaign> {
  const campaign: Campaign = { expected: [], kills: new Map() };
  let round = 0;
  const publishAll = async (): Promise<void> => {
    const tenant = TENANTS[round % TENANTS.length] ?? TENANTS[0];
    for (const { name, publish: tell } of STORIES) {
      campaign.expected.push(...(await tell(world, tenant, `${name}-${round}`)));
    }
  };
  const note = (result: Run): void => {
    const point = /crash at (\S+)/.exec(result.stderr)?.[1];
    if (result.signal !== 'SIGKILL') mustBeFine(result);
    else if (point !== undefined) campaign.kills.set(point, (campaign.kills.get(point) ?? 0) + 1);
  };
  for (; killsOf(campaign) < kills - RELAY_POINTS.length; round++) {
    if (round > kills * 3) throw new Error(`only ${killsOf(campaign)} workers died in ${round} rounds`);
    await publishAll();
    note(await world.callseal(['worker', '--until-idle'], crashAt(round, seed)));
  }
  for (const point of RELAY_POINTS) {
    await publishAll();
    note(await world.callseal(['worker'], { CALLSEAL_CRASH_AT: point }));
    round++;
  }
  await finish(world);
  return campaign;
}

export function killsOf({ kills }: Campaign): number {
  return [...kills.values()].reduce((sum, count) => sum + count, 0);
}

function crashAt(round: number, seed: number): Record<string, string> {
  const turn = round % (POINTS.length + 1);
  const point = POINTS[turn];
  if (point === undefined) return { CALLSEAL_CRASH_RANDOM: `0.05:${seed + round}` };
  return { CALLSEAL_CRASH_AT: `${point}:${1 + (Math.floor(round / POINTS.length) % 4)}` };
}

/** Retries are due a second later, so a worker that is idle may not be done yet. */
async function finish(world: EmbeddedWorld): Promise<void> {
  for (let i = 0; i < 20; i++) {
    mustBeFine(await world.callseal(['worker', '--until-idle']));
    const status = await world.callseal(['status', '--json']);
    if ((JSON.parse(status.stdout) as { inbox: { waiting: number } }).inbox.waiting === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('the inbox does not get empty');
}

function mustBeFine({ code, signal, stderr }: Run): void {
  if (code !== 0) throw new Error(`the worker ended with ${code ?? signal}:\n${stderr}`);
}

const GRANTED = { recording: 'granted', voiceprint: 'granted' };

async function publish(
  world: EmbeddedWorld,
  data: { readonly tenant: string; readonly call: string; readonly [field: string]: unknown },
): Promise<{ topic: string; offset: number }> {
  const event = {
    specversion: '1.0',
    id: 'e',
    source: 'urn:test',
    type: 'callseal.call.completed.v1',
    datacontenttype: 'application/json',
    data,
  };
  return await world.publish(Buffer.from(JSON.stringify(event)), `${data.tenant}/${data.call}`);
}

async function sources(
  world: EmbeddedWorld,
  tenant: string,
  call: string,
  kinds: Readonly<Record<string, number>>,
): Promise<{ artifacts: unknown[]; plain: Map<string, Buffer> }> {
  const plain = new Map<string, Buffer>();
  const artifacts: unknown[] = [];
  for (const [kind, bytes] of Object.entries(kinds)) {
    const key = `${call}-${kind}.bin`;
    const content = Buffer.concat([Buffer.from(CANARY), noise(`${call} ${kind}`, bytes)]);
    await world.source(tenant, key, content);
    plain.set(kind, content);
    artifacts.push({ id: kind, kind, source: { alias: 'edge', key } });
  }
  return { artifacts, plain };
}

const SEALED = ['sealed', 'sealed-with-warnings'];

const STORIES: readonly Story[] = [
  {
    name: 'plain',
    publish: async (world, tenant, call) => {
      const { artifacts, plain } = await sources(world, tenant, call, {
        audio: 3_000_000,
        transcript: 5_000,
        voiceprint: 1_024,
      });
      const event = { tenant, call, revision: 1, consent: GRANTED, artifacts };
      const first = await publish(world, event);
      const again = await publish(world, event);
      return [
        { ...first, tenant, call, answers: [...SEALED, 'duplicate'], plain },
        { ...again, tenant, call, answers: [...SEALED, 'duplicate'], plain },
      ];
    },
  },
  {
    name: 'revised',
    publish: async (world, tenant, call) => {
      const one = await sources(world, tenant, call, { audio: 100_000 });
      const two = await sources(world, tenant, `${call}-2`, { transcript: 2_000 });
      const event = { tenant, call, consent: GRANTED };
      const artifacts = [...one.artifacts, ...two.artifacts];
      const first = await publish(world, { ...event, revision: 1, artifacts: one.artifacts });
      const second = await publish(world, { ...event, revision: 2, artifacts });
      const plain = new Map([...one.plain, ...two.plain]);
      return [
        { ...first, tenant, call, answers: SEALED },
        { ...second, tenant, call, answers: SEALED, plain },
      ];
    },
  },
  {
    name: 'refused',
    publish: async (world, tenant, call) => {
      const { artifacts } = await sources(world, tenant, call, { audio: 1_000 });
      const consent = { recording: 'denied' };
      const place = await publish(world, { tenant, call, revision: 1, consent, artifacts });
      return [{ ...place, tenant, call, answers: ['refused'], code: 'CONSENT_DENIED' }];
    },
  },
  {
    name: 'parked',
    publish: async (world, tenant, call) => {
      const artifacts = [{ id: 'audio', kind: 'audio', source: { alias: 'edge', key: '../x' } }];
      const place = await publish(world, { tenant, call, revision: 1, consent: GRANTED, artifacts });
      return [{ ...place, tenant, call, answers: ['parked'], code: 'SOURCE_KEY_FORBIDDEN' }];
    },
  },
];
