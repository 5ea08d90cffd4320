import { KEY_CLASSES } from '../domain/artifacts.ts';
import type { Tenant } from '../domain/tenants.ts';
import type { Settings } from './schema.ts';

/** The one inbox topic of the embedded profile. */
const EMBEDDED_TOPIC = 'callseal.calls.completed';

/**
 * A tenant as the settings describe it: by its own name or else, where there is one, as `*`. Whether a tenant of `*`
 * was made already is the registry's to say.
 */
export function tenantOf(settings: Settings, id: string): Tenant | undefined {
  const described = Object.hasOwn(settings.tenants, id) ? settings.tenants[id] : settings.tenants['*'];
  const policy = described && settings.policies[described.policy];
  const topic = topicOf(settings, id);
  if (described === undefined || policy === undefined || topic === undefined) return undefined;
  return {
    id,
    policy,
    topic,
    aliases: Object.keys(described.sources),
    keks: described.keks ?? { phi: `${id}:${KEY_CLASSES[0]}`, voiceprint: `${id}:${KEY_CLASSES[1]}` },
  };
}

function topicOf({ inbox }: Settings, id: string): string | undefined {
  if (inbox.kind === 'sqlite') return EMBEDDED_TOPIC;
  return Object.entries(inbox.topics).find(([, { tenants }]) => tenants.includes(id))?.[0];
}

/** The KEK of dead letters, as the keys adapter understands it. */
export function deadLetterKek({ keys }: Settings): string {
  return keys.kind === 'aws-kms' ? keys.deadLetter : 'system:dead-letter';
}
