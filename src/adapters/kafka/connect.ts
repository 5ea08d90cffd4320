import type { Admin } from 'kafkajs';
import type { KafkaClients } from './client.ts';
import { inboxError } from './describe.ts';
import { requireBroker } from './handshake.ts';
import { type PartitionReader, partitionReader } from './partition-reader.ts';

/** What looks at a cluster without being a member of a group. */
export interface Connections {
  readonly admin: Admin;
  readonly reader: PartitionReader;
}

/** @throws CallsealError INBOX_DOWN - no broker can be reached; nothing stays open */
export async function connect(clients: KafkaClients, brokers: readonly string[]): Promise<Connections> {
  await requireBroker(clients, brokers);
  const admin = clients.admin();
  try {
    await admin.connect();
    return { admin, reader: await partitionReader(clients.cluster()) };
  } catch (error) {
    await admin.disconnect().catch(() => undefined);
    throw inboxError('connecting to the cluster', error);
  }
}

export async function disconnect({ admin, reader }: Connections): Promise<void> {
  await reader.close();
  await admin.disconnect();
}
