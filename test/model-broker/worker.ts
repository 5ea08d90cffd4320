import { decodeDoneMap, encodeDoneMap } from '../../src/adapters/inbox/kafka-done-map.ts';
import { createMembership } from '../../src/adapters/inbox/kafka-membership.ts';
import { beginPartition, type PartitionEpoch } from '../../src/adapters/inbox/kafka-partition.ts';
import type { Life, SettlerIo } from '../../src/adapters/inbox/kafka-settler.ts';
import type { OutRecord } from '../../src/adapters/kafka/packing.ts';
import type { ModelBroker } from './broker.ts';
import { Refusal } from './broker.ts';
import type { Network } from './network.ts';

/** A rule that is taken out to see that its violation comes back. */
export type Without = 'init before the offset is read' | 'one id per partition' | 'a new life after an error';

const PARTITION = 'in/0';
const WINDOW = { offsets: 64, bytes: 1_000_000 };
const CONCURRENT_TRANSACTIONS = 51;

interface Job {
  readonly offset: number;
  readonly epoch: PartitionEpoch<string>;
  readonly key: string;
}

/** A process of the group: the real partition, settler, tracker, done-map and membership, on a model of the rest. */
export class ModelWorker {
  awake = true;
  readonly name: string;
  readonly #broker: ModelBroker;
  readonly #network: Network;
  readonly #without: Without | undefined;
  readonly #membership = createMembership();
  #epoch: PartitionEpoch<string> | undefined;
  #member = 0;
  #position = 0;
  #paused = false;
  /** Fetched and not taken, in order. */
  readonly #queue: Job[] = [];
  readonly #running = new Set<Job>();
  readonly #beats = new Set<(ours: boolean) => void>();

  constructor(name: string, broker: ModelBroker, network: Network, without: Without | undefined) {
    this.name = name;
    this.#broker = broker;
    this.#network = network;
    this.#without = without;
  }

  /** The group says who has the partition. `told`: in a rebalance that this member took part in. */
  join(owns: boolean, told: boolean): void {
    if (told) this.#membership.rebalancing();
    else this.#member++;
    const { begun, ended } = this.#membership.join(`${this.name}-${this.#member}`, owns ? [PARTITION] : []);
    if (ended.length > 0) this.#lose();
    // The client forgets where it was and goes on from the committed offset.
    this.#position = this.#broker.committed.floor;
    if (begun.length > 0) this.#begin();
  }

  /** A heartbeat was acknowledged: the partitions are ours. */
  heartbeat(): void {
    for (const beat of this.#beats) beat(true);
    this.#beats.clear();
  }

  fetch(count: number): void {
    if (this.#epoch === undefined || this.#paused) return;
    const from = this.#position;
    const next = Math.min(this.#broker.input.length, from + count);
    if (next === from) return;
    this.#position = next;
    const records = this.#broker.input
      .slice(from, next)
      .flatMap((key, i) => (key === undefined ? [] : { offset: from + i, bytes: 1, body: key }));
    this.#epoch.fetched({ from, records, next });
  }

  /** The client loses its place, as after a fetch that belonged to an assignment before this one. */
  skip(): void {
    this.#position = Math.min(this.#broker.input.length, this.#position + 1);
  }

  /** Takes the next record whose key is not in hand. */
  take(): void {
    this.#epoch?.look(0);
    for (const { offset, body } of this.#epoch?.admit() ?? []) {
      this.#queue.push({ offset, epoch: this.#epoch!, key: body });
    }
    const busy = new Set([...this.#running].map(({ key }) => key));
    const at = this.#queue.findIndex((job) => {
      const free = !busy.has(job.key);
      busy.add(job.key);
      return free;
    });
    const [job] = at < 0 ? [] : this.#queue.splice(at, 1);
    if (job) this.#running.add(job);
  }

  /** One of those in hand has its answer. */
  answer(pick: (jobs: readonly Job[]) => Job | undefined): void {
    const job = pick([...this.#running].filter((each) => !this.#settling.has(each)));
    if (job === undefined) return;
    this.#settling.add(job);
    const record: OutRecord = {
      topic: 'out',
      partition: 0,
      key: job.key,
      headers: {},
      value: valueOf(job.offset),
    };
    void this.#settle(job, record);
  }

  async #settle(job: Job, record: OutRecord): Promise<void> {
    await job.epoch.settle(job.offset, [record]);
    this.#settling.delete(job);
    this.#running.delete(job);
  }

  readonly #settling = new Set<Job>();

  /** A pause outlives an epoch, as it does in the client. */
  #begin(): void {
    this.#epoch = beginPartition<string>({
      io: this.#io(),
      fetching: {
        pause: () => {
          this.#paused = true;
        },
        resumeAt: (offset) => {
          this.#paused = false;
          this.#position = offset;
        },
      },
      window: WINDOW,
      now: () => 0,
      onNews: () => undefined,
      onUnreadable: () => undefined,
    });
  }

  #lose(): void {
    this.#epoch?.end();
    this.#epoch = undefined;
    this.#queue.length = 0;
    for (const beat of this.#beats) beat(false);
    this.#beats.clear();
  }

  #io(): SettlerIo {
    return {
      open: async () => await this.#open(),
      stillOurs: async () => await new Promise((resolve) => this.#beats.add(resolve)),
      rest: async () => await this.#network.rest(this),
      fenced: (error) => error instanceof Refusal && error.code !== CONCURRENT_TRANSACTIONS,
      leaving: () => false,
    };
  }

  async #open(): Promise<Life> {
    const id = this.#without === 'one id per partition' ? `id of ${this.name}` : 'id';
    const early =
      this.#without === 'init before the offset is read' ? await this.#readCommitted() : undefined;
    const epoch = await this.#ask((broker) => broker.init(id));
    const committed = early ?? (await this.#readCommitted());
    return {
      committed,
      commit: async (records, mark) => {
        const written = encodeDoneMap(floorAt(mark.floor), mark.done);
        const ids = records.map(({ value }) => Number(value.toString()));
        await this.#ask((broker) => broker.send(id, epoch, ids));
        const done = decodeDoneMap(floorAt(mark.floor), written);
        await this.#ask((broker) => broker.sendOffsets(id, epoch, { floor: mark.floor, done }));
        await this.#ask((broker) => broker.end(id, epoch)).catch((error: unknown) => {
          if (this.#without !== 'a new life after an error') throw error;
        });
      },
      close: async () => undefined,
    };
  }

  async #readCommitted(): Promise<Life['committed']> {
    return await this.#ask(({ committed }) => committed);
  }

  async #ask<Reply>(effect: (broker: ModelBroker) => Reply): Promise<Reply> {
    return await this.#network.request(this, () => effect(this.#broker));
  }
}

function floorAt(offset: number) {
  return { topic: 'in', partition: 0, offset };
}

function valueOf(offset: number): Buffer {
  return Buffer.from(String(offset));
}
