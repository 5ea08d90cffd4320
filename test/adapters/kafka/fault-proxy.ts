import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:tls';
import { portOf, servicesEnv } from '../../services/env.ts';

/** Requests of the Kafka protocol by their api keys. */
export const API = {
  Produce: 0,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;

/**
 * What happens to a request:
 *
 *   pass        it goes to the broker, its reply back
 *   lost        the connection is closed, the broker hears nothing
 *   reply lost  the broker does it, then the connection is closed without its reply
 */
export type Fate = 'pass' | 'lost' | 'reply lost';

export interface FaultProxy {
  readonly broker: string;
  /** Requests whose fate was not to pass. */
  faults(): number;
  close(): Promise<void>;
}

/**
 * Stands before the broker with the broker's certificate, goes to it with the worker's, and sees the frames between:
 *
 *   length int32 | request: api key int16, version int16, correlation int32 … | reply: correlation int32 …
 *
 * @param fateOf - of the nth request of an api, from 1
 */
export async function faultProxy(fateOf: (api: number, nth: number) => Fate): Promise<FaultProxy> {
  const services = servicesEnv();
  const upstream = portOf('kafka', services);
  const { ca, cert, key } = services.tls;
  const { worker } = services.kafka.principals;
  const counts = new Map<number, number>();
  const sockets = new Set<Socket>();
  let faults = 0;
  const fate = (api: number): Fate => {
    const nth = (counts.get(api) ?? 0) + 1;
    counts.set(api, nth);
    const chosen = fateOf(api, nth);
    if (chosen !== 'pass') faults++;
    return chosen;
  };
  const server = createServer(
    { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key), requestCert: true },
    (client) => {
      const broker = connect({
        host: 'localhost',
        servername: 'localhost',
        port: upstream,
        ca: readFileSync(ca),
        cert: readFileSync(worker.cert),
        key: readFileSync(worker.key),
      });
      const unanswered = new Set<number>();
      const end = (): void => {
        client.destroy();
        broker.destroy();
      };
      for (const socket of [client, broker]) {
        sockets.add(socket);
        socket.on('error', end).on('close', end);
      }
      client.on(
        'data',
        frames((frame) => {
          const what = fate(frame.readInt16BE(4));
          if (what === 'lost') return end();
          if (what === 'reply lost') unanswered.add(frame.readInt32BE(8));
          broker.write(frame);
        }),
      );
      broker.on(
        'data',
        frames((frame) => {
          if (unanswered.has(frame.readInt32BE(4))) return end();
          client.write(here(frame));
        }),
      );
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  /** The broker says where it is: clients are to come back to the proxy. */
  const here = (frame: Buffer): Buffer => {
    const said = Buffer.alloc(13);
    said.write('localhost');
    said.writeInt32BE(upstream, 9);
    for (let at = frame.indexOf(said); at >= 0; at = frame.indexOf(said, at + 1))
      frame.writeInt32BE(port, at + 9);
    return frame;
  };
  return {
    broker: `localhost:${port}`,
    faults: () => faults,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function frames(each: (frame: Buffer) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const length = 4 + rest.readInt32BE(0);
      each(Buffer.from(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  };
}
