import type { CallEvent } from './call-event.ts';
import type { Identity } from './decode-event.ts';
import { CallsealError } from './errors.ts';
import { looksLikeNumber } from './ids.ts';
import { isSourceKey } from './source-key.ts';
import type { Tenant } from './tenants.ts';

/**
 * Whether whoever wrote `topic` may speak for this tenant (docs/events.md, "Who may say what").
 *
 * @throws CallsealError TENANT_UNKNOWN, TENANT_NOT_OF_TOPIC
 */
export function authoriseTenant(tenant: Tenant | undefined, topic: string): Tenant {
  if (!tenant) {
    throw new CallsealError('TENANT_UNKNOWN', 'the event names a tenant that is not in the settings');
  }
  if (tenant.topic !== topic) {
    throw new CallsealError('TENANT_NOT_OF_TOPIC', `writers of ${topic} do not speak for this tenant`);
  }
  return tenant;
}

/** @throws CallsealError ALIAS_NOT_OF_TENANT, SOURCE_KEY_FORBIDDEN, ID_IS_NUMBER */
export function authoriseEvent(event: CallEvent, tenant: Tenant): void {
  for (const [i, { source }] of event.artifacts.entries()) {
    if (!tenant.aliases.includes(source.alias)) {
      throw new CallsealError('ALIAS_NOT_OF_TENANT', `artifacts.${i}.source.alias is not one of this tenant`);
    }
    if (!isSourceKey(source.key)) {
      throw new CallsealError(
        'SOURCE_KEY_FORBIDDEN',
        `artifacts.${i}.source.key must be a plain relative name: no .., leading /, control character or URL`,
      );
    }
  }
  if (tenant.policy.numericIds === 'refuse' && numericIds(event).length > 0) {
    throw new CallsealError('ID_IS_NUMBER', 'an id has 7 to 15 digits only and could be a phone number');
  }
}

/** Which of an event's ids look like a phone number, by field name. */
export function numericIds(event: Identity & Pick<CallEvent, 'artifacts'>): string[] {
  const named: [string, string][] = [
    ['tenant', event.tenant],
    ['call', event.call],
    ...event.artifacts.map(({ id }, i): [string, string] => [`artifacts.${i}.id`, id]),
  ];
  return named.filter(([, id]) => looksLikeNumber(id)).map(([field]) => field);
}
