import { CLOSE_WITHIN_MS, open, openKafka, type ProcessFacts } from '../compose.ts';
import type { LoadedSettings } from '../config/load-settings.ts';
import type { Settings } from '../config/schema.ts';
import { inboxTopics, topicPrefix } from '../config/tenant-settings.ts';
import { type Closable, closeAll } from '../ops/closing.ts';
import type { InboxSkip } from '../ports/inbox-skip.ts';

/** What stepping over a record needs: the inbox from its other side, and the registry for the audit event. */
export async function openSkipDesk(loaded: LoadedSettings, facts: ProcessFacts) {
  const opened: Closable[] = [];
  const close = async (): Promise<void> => await closeAll(opened, CLOSE_WITHIN_MS);
  const composed = await open(loaded, facts);
  opened.push({ name: 'ports', close: async () => await composed.close() });
  try {
    const inbox = await openInboxSkip(loaded.settings, opened);
    opened.push({ name: 'inbox skip', close: async () => await inbox.close() });
    return { parts: { inbox, registry: composed.ports.registry, auditor: composed.desk.auditor }, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

async function openInboxSkip(settings: Settings, opened: Closable[]): Promise<InboxSkip> {
  if (settings.inbox.kind !== 'kafka') {
    return (await import('../adapters/inbox/sqlite-skip.ts')).openSqliteSkip();
  }
  const { topicNames } = await import('../adapters/inbox/topics.ts');
  const { openKafkaSkip } = await import('../adapters/inbox/kafka-skip.ts');
  const topics = topicNames(topicPrefix(settings), inboxTopics(settings));
  return await openKafkaSkip({ ...(await openKafka(settings, opened)), topics });
}
