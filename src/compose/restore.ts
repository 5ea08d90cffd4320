import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { CLOSE_WITHIN_MS, open, openKafka, type ProcessFacts, RELAY } from '../compose.ts';
import type { LoadedSettings } from '../config/load-settings.ts';
import type { Settings } from '../config/schema.ts';
import { inboxTopics, topicPrefix } from '../config/tenant-settings.ts';
import { type Closable, closeAll } from '../ops/closing.ts';
import type { InboxRestore } from '../ports/inbox-restore.ts';

/** What accepting a restore needs besides the ports: the inbox from its other side, and a relay of its own. */
export async function openRestoreDesk(loaded: LoadedSettings, facts: ProcessFacts) {
  const opened: Closable[] = [];
  const close = async (): Promise<void> => await closeAll(opened, CLOSE_WITHIN_MS);
  const composed = await open(loaded, facts);
  opened.push({ name: 'ports', close: async () => await composed.close() });
  try {
    const inbox = await openInboxRestore(loaded.settings, opened);
    opened.push({ name: 'inbox restore', close: async () => await inbox.close() });
    const { registry, events, objects } = composed.ports;
    const { auditor } = composed.desk;
    const relay = { ...RELAY, holder: `${facts.version}/${randomBytes(8).toString('hex')}` };
    return { parts: { registry, events, objects, auditor, inbox, relay }, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

async function openInboxRestore(settings: Settings, opened: Closable[]): Promise<InboxRestore> {
  const { topicNames } = await import('../adapters/inbox/topics.ts');
  const topics = topicNames(topicPrefix(settings), inboxTopics(settings));
  if (settings.inbox.kind === 'kafka') {
    const { openKafkaRestore } = await import('../adapters/inbox/kafka-restore.ts');
    return await openKafkaRestore({ ...(await openKafka(settings, opened)), topics });
  }
  const { openSqlite } = await import('../adapters/sqlite/connection.ts');
  const { openSqliteRestore } = await import('../adapters/inbox/sqlite-restore.ts');
  const folder = settings.data;
  const database = openSqlite(join(folder, 'callseal.db'));
  opened.push({ name: 'database', close: async () => await database.close() });
  return await openSqliteRestore({ database, folder, topics });
}
