import { type Command, Option } from 'commander';
import { tenantSettings } from '../config/tenant-settings.ts';
import type { Consent } from '../domain/call-event.ts';
import { type Place, recordKey } from '../domain/deliveries.ts';
import { CallsealError } from '../domain/errors.ts';
import { reportAnswer } from './answer-report.ts';
import type { App } from './app.ts';
import { STRUCTURED } from './event-file.ts';
import { eventOf, type KeyedFile, keyedFiles, type NamedFile, namedFile } from './files-to-seal.ts';
import { example } from './frame.ts';
import { untilAnswered } from './until-answered.ts';
import { id, revision, seconds } from './words.ts';

interface SealOptions {
  readonly tenant: string;
  readonly call: string;
  readonly audio?: string;
  readonly artifact?: readonly NamedFile[];
  readonly revision: number;
  readonly consent: Consent;
  readonly voiceprintConsent: Consent;
  readonly timeout: number;
}

const CONSENTS = ['granted', 'denied', 'unknown'];

/** `callseal seal`: seals the files of one call, read where they are. */
export function registerSeal(program: Command, app: App): void {
  const several = (text: string, before: readonly NamedFile[] = []): NamedFile[] => [
    ...before,
    namedFile(text),
  ];
  example(
    program
      .command('seal')
      .description('seal the files of one call and wait for its answer; nothing is copied or changed')
      .requiredOption('--tenant <id>', 'tenant', id)
      .requiredOption('--call <id>', 'opaque id of the call', id)
      .option('--audio <file>', 'the recording')
      .option('--artifact <kind=file>', 'a derived artifact; may be given several times', several)
      .option('--revision <n>', 'a higher one seals the call again', revision, 1)
      .addOption(consentOption('--consent <state>', 'consent to recording'))
      .addOption(consentOption('--voiceprint-consent <state>', 'consent to a voiceprint'))
      .option('--timeout <seconds>', 'how long to wait while something is in the way', seconds, 60)
      .action((options: SealOptions) => seal(app, options)),
    'callseal seal --tenant demo --call c-0001 --audio call.wav --artifact transcript=call.json',
  );
}

function consentOption(flags: string, description: string): Option {
  return new Option(flags, description).choices(CONSENTS).default('unknown');
}

async function seal(app: App, options: SealOptions): Promise<void> {
  const named = [
    ...(options.audio === undefined ? [] : [{ kind: 'audio', file: options.audio } as const]),
    ...(options.artifact ?? []),
  ];
  if (named.length === 0) throw new CallsealError('USAGE', 'name the recording with --audio FILE');
  const files = await keyedFiles(named);
  const value = eventOf(options, files);
  const place = await publish(app, options, files, value);
  const row = await untilAnswered(app, place, value, options.timeout);
  await reportAnswer(app, row);
}

async function publish(
  app: App,
  { tenant, call, revision: number }: SealOptions,
  files: readonly KeyedFile[],
  value: Buffer,
): Promise<Place> {
  const { settings } = await app.settings();
  const { inbox, registry } = await app.ports();
  const { tenants } = await app.desk();
  const made = await tenants.create(tenant, app.signal);
  const found = tenantSettings(settings, tenant);
  if (made === undefined || !found) {
    throw new CallsealError('TENANT_UNKNOWN', `the settings have no tenant ${tenant}`);
  }
  if (made) app.voice.say(`made tenant ${tenant} and its keys`);
  await registry.addOneCallSources(
    files.map(({ key, path }) => ({ tenant, call, revision: number, key, path })),
    app.signal,
  );
  return await inbox.publish(
    { topic: found.topic, key: recordKey(tenant, call), headers: STRUCTURED, value },
    app.signal,
  );
}
