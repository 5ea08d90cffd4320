import type { OutputTopic } from '../../domain/outputs.ts';

/** Full names of the topics of one deployment (docs/events.md, "Topics and principals"). */
export interface TopicNames {
  /** Written by edges: nothing in their headers is believed. */
  readonly inbox: readonly string[];
  /** Written by the worker alone. */
  readonly retry: string;
  /** Written by worker and operator alone. */
  readonly replay: string;
  readonly outputs: Readonly<Record<OutputTopic, string>>;
}

/** @param inbox - the inbox topics where they are configured; else the one of the prefix */
export function topicNames(prefix: string, inbox?: readonly string[]): TopicNames {
  return {
    inbox: inbox ?? [`${prefix}.calls.completed`],
    retry: `${prefix}.calls.retry`,
    replay: `${prefix}.calls.replay`,
    outputs: {
      outcome: `${prefix}.calls.outcome`,
      transcripts: `${prefix}.transcripts.sealed`,
      audit: `${prefix}.audit`,
      dlq: `${prefix}.calls.dlq`,
    },
  };
}

/** Who may write a topic decides what a delivery from it may say of itself. */
export type InputKind = 'inbox' | 'retry' | 'replay';

export function inputKind(topics: TopicNames, topic: string): InputKind | undefined {
  if (topic === topics.retry) return 'retry';
  if (topic === topics.replay) return 'replay';
  return topics.inbox.includes(topic) ? 'inbox' : undefined;
}
