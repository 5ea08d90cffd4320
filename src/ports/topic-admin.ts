/** Whose certificates may do what with the topics (docs/events.md, "Topics and principals"). */
export const TOPIC_ROLES = ['edge', 'worker', 'operator', 'reader', 'auditor'] as const;
export type TopicRole = (typeof TOPIC_ROLES)[number];
/** The certificate's name that stands for each role. */
export type Principals = Readonly<Record<TopicRole, string>>;

/** One sentence about one thing. `loud`: works, and is dangerous. */
export interface TopicFinding {
  readonly name: string;
  readonly status: 'ok' | 'loud' | 'bad';
  readonly finding: string;
  /** What to type or change. */
  readonly hint?: string;
}

export interface EnsuredTopics {
  readonly made: readonly string[];
  /** Topics that were there and whose settings were brought to the rule. */
  readonly changed: readonly string[];
  /** Rights that are given now, those that were given before included. */
  readonly rights: number;
}

/** The topics of the cluster, their settings and everybody's rights. Opened as a principal that may alter the cluster. */
export interface TopicAdmin {
  /**
   * Makes what is missing and sets what differs; safe to repeat. It never changes a retention or a partition count.
   *
   * @throws CallsealError INBOX_DOWN - the cluster is away or says no
   */
  ensure(options: { readonly partitions: number }, signal: AbortSignal): Promise<EnsuredTopics>;
  /** @throws CallsealError INBOX_DOWN */
  check(signal: AbortSignal): Promise<readonly TopicFinding[]>;
  close(): Promise<void>;
}
