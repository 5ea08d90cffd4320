import { CallsealError } from '../../domain/errors.ts';
import type { KafkaClients } from './client.ts';
import { describe } from './describe.ts';

const HANDSHAKE_MS = 10_000;

/**
 * One connection of our own before the client's: it repeats a refused certificate for 12 s, and then it says "Closed
 * connection".
 *
 * @throws CallsealError INBOX_DOWN - with the reason for every broker
 */
export async function requireBroker(clients: KafkaClients, brokers: readonly string[]): Promise<void> {
  const failures: string[] = [];
  for (const broker of brokers) {
    const failure = await connect(clients, broker);
    if (failure === undefined) return;
    failures.push(`${broker}: ${failure}`);
  }
  throw new CallsealError('INBOX_DOWN', `no broker can be reached: ${failures.join('; ')}`, {
    hint: 'kafka.brokers and kafka.tls say where and how',
  });
}

async function connect(clients: KafkaClients, broker: string): Promise<string | undefined> {
  const at = broker.lastIndexOf(':');
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = clients.openSocket({
    host: broker.slice(0, at),
    port: Number(broker.slice(at + 1)),
    onConnect: () => resolve(undefined),
  });
  socket.once('error', (error) => resolve(describe(error).type ?? error.message));
  socket.setTimeout(HANDSHAKE_MS, () => resolve('no answer in 10 s'));
  const failure = await promise;
  socket.destroy();
  return failure;
}
