import { AUDIT_SCHEMA, type AuditEvent, CHAIN_START, hashOf } from '../domain/audit-event.ts';
import { canonical } from '../domain/canonical.ts';

/**
 * What a chain of audit events turned out to be (docs/events.md, "Audit events"): gaps, edits and order are proved.
 * That the tail was cut off is not seen, except against a head that was published on the audit topic: `tail` says so.
 */
export interface AuditVerdict {
  /** Events of the chain that were read, repeats not counted. */
  readonly events: number;
  /** Records met again with the same bytes, as a relay leaves them on the topic after a crash. */
  readonly repeats: number;
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** Hash of the event `to`, hex. */
  readonly head: string | undefined;
  /** The first PROBLEMS_LISTED of them, in the order they were met. */
  readonly problems: readonly AuditProblem[];
  readonly problemCount: number;
  readonly tail: {
    /** Up to this event nothing can have been cut off; undefined: nothing is known. */
    readonly provedThrough: number | undefined;
    readonly note: string;
  };
}

/**
 *   unreadable     no audit event of this schema
 *   not-canonical  not the bytes that the hash covers, though they parse to the same event
 *   edited         the hash is another one
 *   link           `prev` is not the hash of the event before
 *   gap            events are missing before this one
 *   order          stands behind a later event
 *   fork           another event than the one met, or published, under this number
 *   repeated       met again where repeats have no place
 *   cut            the chain ends before the published head
 */
export type AuditProblemKind =
  | 'unreadable'
  | 'not-canonical'
  | 'edited'
  | 'link'
  | 'gap'
  | 'order'
  | 'fork'
  | 'repeated'
  | 'cut';

export interface AuditProblem {
  readonly kind: AuditProblemKind;
  /** Counted from 1 over what was read; 0: about the published head. */
  readonly record: number;
  readonly seq: number | undefined;
  readonly says: string;
}

export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface ChainOptions {
  /** The number the first event must have; absent: it may start anywhere, as a topic does after its retention. */
  readonly from?: number;
  readonly repeats: 'allowed' | 'refused';
  /** The last head published on the audit topic. */
  readonly published?: AuditHead;
}

const PROBLEMS_LISTED = 1000;

/** @param texts - one event each, as its RFC 8785 text */
export async function verifyChain(
  texts: AsyncIterable<string>,
  options: ChainOptions,
): Promise<AuditVerdict> {
  const chain = new Chain(options);
  for await (const text of texts) chain.take(text);
  return chain.verdict();
}

/** A chain as far as it was read. Holds a hash per event: about 130 bytes. */
class Chain {
  readonly #options: ChainOptions;
  readonly #hashes = new Map<number, string>();
  readonly #problems: AuditProblem[] = [];
  #problemCount = 0;
  #record = 0;
  #repeats = 0;
  #first: number | undefined;
  #to: number | undefined;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#to = options.from === undefined ? undefined : options.from - 1;
  }

  take(text: string): void {
    this.#record++;
    const read = readEvent(text);
    if (read === undefined) return this.#note('unreadable', undefined, 'no audit event');
    const { event, canonicalText } = read;
    const { hash, ...rest } = event;
    if (hashOf(rest) !== hash) this.#note('edited', event.seq, 'its content does not give its hash');
    else if (canonicalText !== text) this.#note('not-canonical', event.seq, 'its bytes were written anew');
    const met = this.#hashes.get(event.seq);
    if (met !== undefined) return this.#takeAgain(event, met);
    this.#checkPlace(event);
    this.#hashes.set(event.seq, hash);
    this.#first = Math.min(this.#first ?? event.seq, event.seq);
    this.#to = Math.max(this.#to ?? event.seq, event.seq);
  }

  verdict(): AuditVerdict {
    this.#record = 0;
    const provedThrough = this.#comparePublished();
    const to = this.#end();
    return {
      events: this.#hashes.size,
      repeats: this.#repeats,
      from: this.#first,
      to,
      head: to === undefined ? undefined : this.#hashes.get(to),
      problems: this.#problems,
      problemCount: this.#problemCount,
      tail: tailOf(provedThrough),
    };
  }

  #takeAgain({ seq, hash }: AuditEvent, met: string): void {
    if (met !== hash) this.#note('fork', seq, 'another event was met under this number');
    else if (this.#options.repeats === 'refused') this.#note('repeated', seq, 'the event was met before');
    else this.#repeats++;
  }

  #checkPlace({ seq, prev }: AuditEvent): void {
    const to = this.#to ?? seq - 1;
    if (seq <= to) this.#note('order', seq, `stands behind event ${to}`);
    if (seq > to + 1) this.#note('gap', seq, `events ${to + 1} to ${seq - 1} are missing`);
    const before = seq === 1 ? CHAIN_START : this.#hashes.get(seq - 1);
    if (before !== undefined && before !== prev) {
      this.#note('link', seq, 'it does not follow from the event before');
    }
  }

  /** @returns the number of the published head where the chain has it */
  #comparePublished(): number | undefined {
    const { published } = this.#options;
    if (published === undefined) return undefined;
    const { seq, hash } = published;
    const mine = this.#hashes.get(seq);
    const to = this.#end() ?? 0;
    if (mine === hash) return seq;
    if (mine !== undefined) this.#note('fork', seq, 'another event was published under this number');
    else if (seq > to) this.#note('cut', seq, `the chain ends at ${to}, and ${seq} was published`);
    return undefined;
  }

  #end(): number | undefined {
    return this.#hashes.size === 0 ? undefined : this.#to;
  }

  #note(kind: AuditProblemKind, seq: number | undefined, says: string): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_LISTED) {
      this.#problems.push({ kind, record: this.#record, seq, says });
    }
  }
}

/** What can be said of the end of a chain, given how far it was published. */
export function tailOf(provedThrough: number | undefined): AuditVerdict['tail'] {
  const note =
    provedThrough === undefined
      ? 'no head published on the audit topic was found in this chain: a cut tail would not be seen'
      : `a cut tail is ruled out through event ${provedThrough}, the last head published on the audit topic; ` +
        'one cut behind it would not be seen';
  return { provedThrough, note };
}

const HASH = /^[0-9a-f]{64}$/;

/** @returns undefined for what is no audit event */
export function readEvent(text: string): { event: AuditEvent; canonicalText: string } | undefined {
  try {
    const event: Partial<AuditEvent> | null = JSON.parse(text);
    return isEvent(event) ? { event, canonicalText: canonical(event) } : undefined;
  } catch {
    return undefined;
  }
}

/** Of the right schema and with a place in a chain; the hash covers the rest. */
function isEvent(event: Partial<AuditEvent> | null): event is AuditEvent {
  if (typeof event !== 'object' || event?.schema !== AUDIT_SCHEMA) return false;
  const { seq, prev, hash } = event;
  if (!Number.isSafeInteger(seq) || seq === undefined || seq < 1) return false;
  return typeof prev === 'string' && HASH.test(prev) && typeof hash === 'string' && HASH.test(hash);
}
