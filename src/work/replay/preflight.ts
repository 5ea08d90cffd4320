import { isEventKind, ruleOf } from '../../domain/artifacts.ts';
import { authoriseEvent, authoriseTenant } from '../../domain/authorise.ts';
import type { CallEvent } from '../../domain/call-event.ts';
import { decodeEvent, type EventLimits } from '../../domain/decode-event.ts';
import type { Place } from '../../domain/deliveries.ts';
import { type Code, codeOf } from '../../domain/errors.ts';
import type { Letter } from '../../domain/letter.ts';
import type { ReplayFinding } from '../../domain/replay.ts';
import type { Tenant, TenantDirectory } from '../../domain/tenants.ts';
import type { Keys } from '../../ports/keys.ts';
import type { Catalogue } from '../../ports/registry.ts';
import type { Sources } from '../../ports/sources.ts';

export interface PreflightParts {
  readonly registry: Pick<Catalogue, 'call'>;
  readonly sources: Pick<Sources, 'stat'>;
  readonly keys: Pick<Keys, 'describe'>;
  readonly tenants: TenantDirectory;
  readonly limits: EventLimits;
}

export interface Asked {
  readonly origin: Place;
  readonly tenant: string | undefined;
  readonly call: string | undefined;
  readonly letter: Letter;
}

/**
 * What a replay of this letter would meet, looked at in the order in which the worker would: nothing is read of a
 * source, and no key is made. The first thing in the way is the finding; undefined: none.
 */
export function preflight(parts: PreflightParts) {
  const keyStates = new Map<string, Promise<ReplayFinding | undefined>>();
  const keyState = async (kek: string, signal: AbortSignal): Promise<ReplayFinding | undefined> => {
    const known = keyStates.get(kek) ?? stateOf(parts.keys, kek, signal);
    keyStates.set(kek, known);
    return await known;
  };
  return async (asked: Asked, signal: AbortSignal): Promise<ReplayFinding | undefined> => {
    const decoded = decodeEvent(asked.letter, parts.limits);
    if (!decoded.ok) return decoded.error.code;
    const { event } = decoded;
    if (isAnotherCall(asked, event)) return 'PATCH_MOVES_CALL';
    const tenant = await authorised(parts, event, asked.origin.topic);
    if (typeof tenant === 'string') return tenant;
    return (
      (await standing(parts, event, signal)) ??
      (await keyState(tenant.keks.phi, signal)) ??
      (await sourcesFinding(parts, event, signal))
    );
  };
}

function isAnotherCall({ tenant, call }: Asked, event: CallEvent): boolean {
  return tenant !== undefined && (tenant !== event.tenant || call !== event.call);
}

/** Against the topic that the event first came from: a replay gives nobody a right that its edge did not have. */
async function authorised(
  { tenants }: PreflightParts,
  event: CallEvent,
  topic: string,
): Promise<Tenant | Code> {
  try {
    const tenant = authoriseTenant(await tenants.find(event.tenant), topic);
    authoriseEvent(event, tenant);
    return tenant;
  } catch (error) {
    return codeOf(error);
  }
}

async function standing(
  { registry }: PreflightParts,
  { tenant, call, revision }: CallEvent,
  signal: AbortSignal,
): Promise<ReplayFinding | undefined> {
  const summary = await registry.call(tenant, call, signal);
  if (summary?.shredded) return 'CALL_SHREDDED';
  if (summary?.current === undefined) return undefined;
  if (summary.current.revision > revision) return 'REVISION_LOWER';
  return summary.current.revision === revision ? 'ALREADY_SEALED' : undefined;
}

async function stateOf(
  keys: PreflightParts['keys'],
  kek: string,
  signal: AbortSignal,
): Promise<ReplayFinding | undefined> {
  try {
    const { state } = await keys.describe(kek, signal);
    if (state === 'disabled') return 'KEY_DISABLED';
    return state === 'pending-deletion' ? 'KEY_PENDING_DELETION' : undefined;
  } catch (error) {
    signal.throwIfAborted();
    return codeOf(error);
  }
}

async function sourcesFinding(
  { sources }: PreflightParts,
  { tenant, call, revision, consent, artifacts }: CallEvent,
  signal: AbortSignal,
): Promise<ReplayFinding | undefined> {
  for (const { kind, source, bytes } of artifacts) {
    // Skipped by the worker, so its source need not be there.
    if (isEventKind(kind) && ruleOf(kind).keyClass === 'voiceprint' && consent.voiceprint !== 'granted')
      continue;
    try {
      const found = await sources.stat({ tenant, call, revision, ...source }, signal);
      if (bytes !== undefined && bytes !== found.bytes) return 'SOURCE_LENGTH_DIFFERS';
    } catch (error) {
      signal.throwIfAborted();
      return codeOf(error);
    }
  }
  return undefined;
}
