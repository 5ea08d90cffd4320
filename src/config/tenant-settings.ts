import { ONE_CALL_ALIAS, type TenantSettings } from '../domain/tenants.ts';
import type { Settings } from './schema.ts';

/** What the settings say of a tenant; under `*` of one that they do not name. undefined: not a tenant of ours. */
export function tenantSettings(settings: Settings, tenant: string): TenantSettings | undefined {
  if (tenant === '*') return undefined;
  const found = isNamedTenant(settings, tenant) ? settings.tenants[tenant] : settings.tenants['*'];
  const policy = found && settings.policies[found.policy];
  const topic = topicOf(settings, tenant);
  if (!found || !policy || topic === undefined) return undefined;
  const embedded = settings.inbox.kind === 'sqlite';
  return {
    policy,
    topic,
    hold: found.hold,
    aliases: [...Object.keys(found.sources), ...(embedded ? [ONE_CALL_ALIAS] : [])],
    keks: found.keks ?? { phi: `${tenant}:phi`, voiceprint: `${tenant}:voiceprint` },
  };
}

export function isNamedTenant({ tenants }: Settings, tenant: string): boolean {
  return tenant !== '*' && Object.hasOwn(tenants, tenant);
}

/** The inbox topics; the embedded inbox has the one of its prefix. */
export function inboxTopics(settings: Settings): string[] {
  const { inbox } = settings;
  return inbox.kind === 'kafka' ? Object.keys(inbox.topics) : [`${topicPrefix(settings)}.calls.completed`];
}

export function topicPrefix({ kafka }: Settings): string {
  return kafka?.prefix ?? 'callseal';
}

function topicOf(settings: Settings, tenant: string): string | undefined {
  const { inbox } = settings;
  if (inbox.kind === 'sqlite') return inboxTopics(settings)[0];
  return Object.entries(inbox.topics).find(([, { tenants }]) => tenants.includes(tenant))?.[0];
}
