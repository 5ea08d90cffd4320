import type { Command } from 'commander';
import type { Settings } from '../config/schema.ts';
import { isNamedTenant, tenantSettings } from '../config/tenant-settings.ts';
import { authoriseEvent, numericIds } from '../domain/authorise.ts';
import { decodeEvent } from '../domain/decode-event.ts';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { Tenant } from '../domain/tenants.ts';
import { recordingAllowed } from '../work/plan-call.ts';
import type { App } from './app.ts';
import { readEvent, STRUCTURED } from './event-file.ts';
import { example, group } from './frame.ts';
import { counted } from './words.ts';

interface EventCheck {
  readonly answer: 'sealed' | 'refused' | 'parked';
  readonly code?: string;
  readonly finding: string;
  readonly warnings: readonly string[];
}

/** `callseal event check`: what the worker would say to an event, without asking it. */
export function registerEventCheck(program: Command, app: App): void {
  example(
    group(program, 'event', 'one event')
      .command('check')
      .description('say offline what the worker would answer to an event, if its sources can be read')
      .argument('<file>', 'the event, a structured CloudEvent; - for standard input')
      .action((file: string) => checkEvent(app, file)),
    'callseal event check samples/event.json',
  );
}

async function checkEvent(app: App, file: string): Promise<void> {
  const { settings } = await app.settings();
  const check = checkOf(await readEvent(file), settings);
  await app.voice.document(check, () => [
    `${check.answer}${check.code === undefined ? '' : ` ${check.code}`}: ${check.finding}`,
    ...check.warnings.map((warning) => `warning ${warning}`),
  ]);
  if (check.answer !== 'sealed') app.exitWith(EXIT.refused);
}

function checkOf(value: Buffer, settings: Settings): EventCheck {
  const decoded = decodeEvent({ headers: STRUCTURED, value }, settings.limits);
  if (!decoded.ok) return parked(decoded.error);
  const { event, unknownFields } = decoded;
  const warnings = [
    ...(unknownFields > 0 ? ['UNKNOWN_FIELDS'] : []),
    ...(numericIds(event).length > 0 ? ['ID_LOOKS_LIKE_NUMBER'] : []),
  ];
  const found = tenantSettings(settings, event.tenant);
  if (!found) {
    return {
      answer: 'parked',
      code: 'TENANT_UNKNOWN',
      finding: 'the settings do not name its tenant',
      warnings,
    };
  }
  const tenant: Tenant = { id: event.tenant, ...found };
  try {
    authoriseEvent(event, tenant);
  } catch (error) {
    if (error instanceof CallsealError) return parked(error);
    throw error;
  }
  if (!recordingAllowed(event, tenant)) {
    return {
      answer: 'refused',
      code: 'CONSENT_DENIED',
      finding: 'its consent does not cover sealing',
      warnings,
    };
  }
  const artifacts = counted(event.artifacts.length, 'artifact');
  const unnamed = isNamedTenant(settings, event.tenant)
    ? ''
    : '; its tenant is not named in the settings and has to be made by `callseal seal` first';
  return { answer: 'sealed', finding: `the worker would seal ${artifacts}${unnamed}`, warnings };
}

function parked({ code, message }: CallsealError): EventCheck {
  return { answer: 'parked', code, finding: message, warnings: [] };
}
