import type { Command } from 'commander';
import { inboxTopics, tenantSettings } from '../config/tenant-settings.ts';
import { authoriseEvent } from '../domain/authorise.ts';
import { decodeEvent } from '../domain/decode-event.ts';
import { placeText, recordKey } from '../domain/deliveries.ts';
import { CallsealError } from '../domain/errors.ts';
import type { InboxRecord } from '../ports/inbox.ts';
import type { App } from './app.ts';
import { readEvent, STRUCTURED } from './event-file.ts';
import { example } from './frame.ts';

interface PublishOptions {
  readonly asIs?: boolean;
}

/** `callseal publish`: puts one event into the inbox, as an edge does. */
export function registerPublish(program: Command, app: App): void {
  example(
    program
      .command('publish')
      .description('publish a structured CloudEvent into the inbox; refuses one that the worker would park')
      .argument('<file>', 'the event; - for standard input')
      .option('--as-is', 'publish it whatever the worker would say, as an edge could')
      .action((file: string, options: PublishOptions) => publish(app, file, options)),
    'callseal publish samples/event.json && callseal worker --until-idle',
  );
}

async function publish(app: App, file: string, { asIs = false }: PublishOptions): Promise<void> {
  const value = await readEvent(file);
  const { settings } = await app.settings();
  const record = asIs
    ? { topic: inboxTopics(settings)[0] ?? '', key: keyOf(value), headers: STRUCTURED, value }
    : await checkedRecord(app, value);
  const { inbox } = await app.ports();
  const place = await inbox.publish(record, app.signal);
  await app.voice.document({ ...place, key: record.key ?? null }, () => [placeText(place)]);
}

async function checkedRecord(app: App, value: Buffer): Promise<InboxRecord> {
  const { settings } = await app.settings();
  const decoded = decodeEvent({ headers: STRUCTURED, value }, settings.limits);
  if (!decoded.ok) throw withHint(decoded.error);
  const { event } = decoded;
  // Publishing never makes a tenant: it has to be there.
  const found = await (await app.desk()).tenants.find(event.tenant);
  const tenant = found ?? (settings.tenants[event.tenant] && tenantSettings(settings, event.tenant));
  if (!tenant) {
    throw new CallsealError('TENANT_UNKNOWN', `TENANT_UNKNOWN: there is no tenant ${event.tenant}`, {
      hint: 'name it in the settings, or let `callseal seal` make it',
    });
  }
  try {
    authoriseEvent(event, { id: event.tenant, ...tenant });
  } catch (error) {
    throw error instanceof CallsealError ? withHint(error) : error;
  }
  return { topic: tenant.topic, key: recordKey(event.tenant, event.call), headers: STRUCTURED, value };
}

function withHint({ code, message }: CallsealError): CallsealError {
  return new CallsealError(code, `${code}: ${message}`, {
    hint: 'callseal event check FILE says more; --as-is publishes it all the same',
  });
}

function keyOf(value: Buffer): string | undefined {
  const decoded = decodeEvent({ headers: STRUCTURED, value });
  const identity = decoded.ok ? decoded.event : decoded.identity;
  return identity && recordKey(identity.tenant, identity.call);
}
