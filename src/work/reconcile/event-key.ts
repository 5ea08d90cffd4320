import { placeText } from '../../domain/deliveries.ts';
import type { Answered } from '../../ports/reconciling.ts';
import type { Whereabouts } from './findings.ts';

/** `topic/partition/offset#replay`. */
export function eventKey({ origin, replay }: Answered): string {
  return `${placeText(origin)}#${replay}`;
}

/** The inverse. A command's origin holds no slash either, so the last ones count. */
export function answeredOf(key: string): Answered | undefined {
  const [, topic, partition, offset, replay] = /^(.+)\/(\d+)\/(\d+)#(\d+)$/.exec(key) ?? [];
  if (topic === undefined) return undefined;
  return {
    origin: { topic, partition: Number(partition), offset: Number(offset) },
    replay: Number(replay),
  };
}

export function whereIs(key: string): Whereabouts {
  const answered = answeredOf(key);
  return answered ? { origin: placeText(answered.origin), replay: answered.replay } : {};
}
