import type { Random } from '../model/random.ts';

/** The connection is gone: whether the request arrived nobody knows. */
export class Gone extends Error {}

/** Something that can happen next. `of`: only while this worker is awake. */
interface Action {
  readonly of: object | undefined;
  readonly act: () => void;
}

/** What becomes of a request. */
type Fate = 'answered' | 'lost' | 'reply lost' | 'late';

const FATES: readonly Fate[] = ['lost', 'reply lost', 'late'];

/**
 * The way between workers and broker: every request, reply and rest is an action, and which comes next is drawn. A
 * request may be lost, its reply may be lost, and it may arrive long after its sender has given up or died.
 */
export class Network {
  faults = true;
  readonly #pending: Action[] = [];
  readonly #random: Random;
  readonly #faultRate: number;

  constructor(random: Random, faultRate: number) {
    this.#random = random;
    this.#faultRate = faultRate;
  }

  async request<Reply>(from: object, effect: () => Reply): Promise<Reply> {
    return await new Promise<Reply>((resolve, reject) => {
      this.#pending.push({ of: undefined, act: () => this.#arrive(from, effect, resolve, reject) });
    });
  }

  async rest(of: object): Promise<void> {
    await new Promise<void>((resolve) => this.#pending.push({ of, act: resolve }));
  }

  /** @returns false: nothing can happen now */
  step(isAwake: (worker: object) => boolean): boolean {
    const ready = this.#pending.filter(({ of }) => of === undefined || isAwake(of));
    if (ready.length === 0) return false;
    const chosen = this.#random.pick(ready);
    this.#pending.splice(this.#pending.indexOf(chosen), 1);
    chosen.act();
    return true;
  }

  #arrive<Reply>(
    from: object,
    effect: () => Reply,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ): void {
    const fate = this.#fate();
    const answer = (act: () => void): void => void this.#pending.push({ of: from, act });
    if (fate === 'lost' || fate === 'late') {
      answer(() => reject(new Gone('connection closed')));
      if (fate === 'late') this.#pending.push({ of: undefined, act: () => void attempt(effect) });
      return;
    }
    const result = attempt(effect);
    answer(() => {
      if (fate === 'reply lost') reject(new Gone('connection closed'));
      else if ('error' in result) reject(result.error);
      else resolve(result.reply);
    });
  }

  #fate(): Fate {
    return this.faults && this.#random.chance(this.#faultRate) ? this.#random.pick(FATES) : 'answered';
  }
}

function attempt<Reply>(effect: () => Reply): { reply: Reply } | { error: unknown } {
  try {
    return { reply: effect() };
  } catch (error) {
    return { error };
  }
}
