import type { ClusterWorker, ClusterWorld } from './cluster-world.ts';
import { TENANTS } from './store-settings.ts';

/** How often each thing is done to a cluster under load. */
export interface Plan {
  /** `kill -9` of workers, at a random step. */
  readonly workerKills: number;
  /** Workers stopped until their session has ended, and then woken. */
  readonly zombies: number;
  readonly brokerKills: number;
  readonly brokerAwayMs: number;
  /** All workers replaced, one after the other. */
  readonly rollingDeploys: number;
  readonly certificatesRotated: number;
  /** Every service killed and started again, in turn. */
  readonly bounces: number;
}

/** What was really done, counted. */
export type Done = Record<
  'workerKills' | 'zombies' | 'brokerKills' | 'rollingDeploys' | 'certificatesRotated' | 'bounces',
  number
>;

const WORKERS = 3;
/** Calls a second, of all tenants together. */
const RATE = 4;
/** Beyond the session of 12 s: another member has the partitions, and the sleeper does not know. */
const ASLEEP_MS = 17_000;
const SERVICES_IN_TURN = ['s3', 'kms', 'postgres', 'redis'] as const;
/** Chance of a crash at each step of the path; a call has some fifteen. */
const CRASH_CHANCE = 0.02;

const sleep = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the plan under load, on three workers, and lets the last ones finish. */
export async function runCampaign(
  world: ClusterWorld,
  plan: Plan,
  say: (line: string) => void,
): Promise<Done> {
  const done: Done = {
    workerKills: 0,
    zombies: 0,
    brokerKills: 0,
    rollingDeploys: 0,
    certificatesRotated: 0,
    bounces: 0,
  };
  const load = startLoad(world);
  const workers: ClusterWorker[] = Array.from({ length: WORKERS }, () => world.startWorker());
  const replace = (index: number, env: Readonly<Record<string, string>> = {}): ClusterWorker => {
    const fresh = world.startWorker(env);
    workers[index] = fresh;
    return fresh;
  };
  /** As whatever runs workers does. */
  const reviveWorkers = (): void => {
    for (const [index, worker] of workers.entries()) if (!worker.alive()) replace(index);
  };
  const step = async (
    name: keyof Done,
    times: number,
    act: (nth: number) => Promise<void>,
  ): Promise<void> => {
    for (let nth = 0; nth < times; nth++) {
      reviveWorkers();
      await act(nth);
      done[name]++;
      if (done[name] % 5 === 0 || done[name] === times)
        say(`${name}: ${done[name]} of ${times}, ${load.published()} published`);
    }
  };
  await sleep(5_000);

  await step('workerKills', plan.workerKills, async (nth) => {
    const index = nth % WORKERS;
    workers[index]?.signal('SIGKILL');
    const crashing = replace(index, { CALLSEAL_CRASH_RANDOM: `${CRASH_CHANCE}:${nth + 1}` });
    await Promise.race([crashing.ended, sleep(15_000)]);
  });
  // From here on nobody dies by himself.
  for (const [index, worker] of workers.entries()) {
    worker.signal('SIGKILL');
    replace(index);
  }

  await step('zombies', plan.zombies, async (nth) => {
    const sleeper = workers[nth % WORKERS];
    sleeper?.signal('SIGSTOP');
    await sleep(ASLEEP_MS);
    sleeper?.signal('SIGCONT');
    await sleep(3_000);
  });
  await step('brokerKills', plan.brokerKills, async (nth) => {
    const { length } = world.services.kafka.brokers;
    await world.kill(`kafka-${1 + (nth % length)}`);
    await sleep(plan.brokerAwayMs);
    await world.revive();
    await sleep(2_000);
  });
  await step('rollingDeploys', plan.rollingDeploys, async () => {
    for (const [index, old] of workers.entries()) {
      const died = !old.alive();
      replace(index);
      old.signal('SIGTERM');
      const code = await old.ended;
      if (!died && code !== 0)
        throw new Error(`a worker that was asked to stop ended with ${code}\n${world.said()}`);
    }
  });
  await step('certificatesRotated', plan.certificatesRotated, async (nth) => {
    await world.rotateCertificate();
    await sleep(REREAD_MS);
    await world.kill(`kafka-${1 + (nth % world.services.kafka.brokers.length)}`);
    await world.revive();
  });
  await step('bounces', plan.bounces, async () => {
    for (const name of SERVICES_IN_TURN) {
      await world.kill(name);
      await sleep(3_000);
      await world.revive();
      await sleep(2_000);
    }
  });
  reviveWorkers();
  await load.stop();
  say(`published ${load.published()}; waiting for the last answers`);
  await untilSettled(world);
  for (const worker of workers) {
    worker.signal('SIGTERM');
    await worker.ended;
  }
  return done;
}

const SETTLED_WITHIN_MS = 300_000;

/** By what the product says of its inbox; what it came to is for the judge. */
async function untilSettled(world: ClusterWorld): Promise<void> {
  for (const from = performance.now(); ; await sleep(2_000)) {
    const { inbox }: { inbox: { waiting: number } } = JSON.parse(await world.callseal(['status', '--json']));
    if (inbox.waiting === 0) return;
    if (performance.now() - from > SETTLED_WITHIN_MS) {
      throw new Error(`${inbox.waiting} deliveries still wait\n${world.said()}`);
    }
  }
}

/** Workers look at their TLS files once a minute. */
const REREAD_MS = 62_000;

/** Every fifth call gets a second revision, every seventh is published twice. */
function startLoad(world: ClusterWorld) {
  const stopping = new AbortController();
  let published = 0;
  const publish = async (tenant: string, call: string, revision: number): Promise<void> => {
    await world.publish(tenant, call, revision);
    published++;
  };
  const loop = async (): Promise<void> => {
    for (let nth = 0; !stopping.signal.aborted; nth++) {
      const from = performance.now();
      const tenant = TENANTS[nth % TENANTS.length] ?? 't-1';
      await publish(tenant, `c-${nth}`, 1);
      if (nth % 5 === 0) await publish(tenant, `c-${nth}`, 2);
      if (nth % 7 === 0) await publish(tenant, `c-${nth}`, 1);
      await sleep(Math.max(0, 1000 / RATE - (performance.now() - from)));
    }
  };
  const running = loop();
  return {
    published: () => published,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
