import type { Snapshot } from '../../src/adapters/inbox/kafka-tracker.ts';

/** A refusal: the broker has answered. Codes as in Kafka's protocol. */
export class Refusal extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

const INVALID_PRODUCER_EPOCH = 47;
const INVALID_TXN_STATE = 48;
const CONCURRENT_TRANSACTIONS = 51;

/** An output as it stands in the log: in order of sending; seen by committed readers once its transaction is. */
interface Written {
  readonly id: number;
  state: 'open' | 'committed' | 'aborted';
}

interface Transaction {
  readonly records: Written[];
  mark: Snapshot | undefined;
  /** EndTxn was answered; offsets and outputs are visible a little later. */
  ended: boolean;
}

/** One transactional id: its epoch, and the transaction that is not complete. */
interface Producer {
  epoch: number;
  current: Transaction | undefined;
}

/**
 * One input partition, its group's offset, one output log and the transactional ids that write them, as far as they
 * matter: fencing by epochs, transactions that outlive whoever began them, and offsets that are read as they were
 * before the end of a transaction that is still being written.
 */
export class ModelBroker {
  /** Key of each input record, by offset; undefined: a marker, which nobody is handed. */
  readonly input: (string | undefined)[] = [];
  readonly output: Written[] = [];
  committed: Snapshot = { floor: 0, done: [] };
  readonly #producers = new Map<string, Producer>();

  /** @returns the epoch that the caller writes under from now on */
  init(id: string): number {
    const producer = this.#producers.get(id) ?? { epoch: 0, current: undefined };
    this.#producers.set(id, producer);
    if (producer.current?.ended) this.complete(id);
    else this.#abort(producer);
    return ++producer.epoch;
  }

  send(id: string, epoch: number, ids: readonly number[]): void {
    const { records } = this.#open(id, epoch);
    for (const each of ids) {
      const written: Written = { id: each, state: 'open' };
      records.push(written);
      this.output.push(written);
    }
  }

  sendOffsets(id: string, epoch: number, mark: Snapshot): void {
    this.#open(id, epoch).mark = mark;
  }

  end(id: string, epoch: number): void {
    const producer = this.#fence(id, epoch);
    if (producer.current === undefined || producer.current.ended) throw new Refusal(INVALID_TXN_STATE);
    producer.current.ended = true;
  }

  /** Writes the markers of a transaction whose end was acknowledged. */
  complete(id: string): void {
    const producer = this.#producers.get(id);
    if (!producer?.current?.ended) return;
    const { records, mark } = producer.current;
    for (const written of records) written.state = 'committed';
    if (mark !== undefined) this.committed = mark;
    producer.current = undefined;
  }

  ending(): string[] {
    return [...this.#producers].flatMap(([id, { current }]) => (current?.ended ? id : []));
  }

  /** What committed readers see, in order. */
  visible(): number[] {
    return this.output.flatMap(({ id, state }) => (state === 'committed' ? id : []));
  }

  #open(id: string, epoch: number): Transaction {
    const producer = this.#fence(id, epoch);
    if (producer.current?.ended) throw new Refusal(CONCURRENT_TRANSACTIONS);
    producer.current ??= { records: [], mark: undefined, ended: false };
    return producer.current;
  }

  #fence(id: string, epoch: number): Producer {
    const producer = this.#producers.get(id);
    if (producer === undefined || producer.epoch !== epoch) throw new Refusal(INVALID_PRODUCER_EPOCH);
    return producer;
  }

  #abort(producer: Producer): void {
    for (const written of producer.current?.records ?? []) written.state = 'aborted';
    producer.current = undefined;
  }
}
