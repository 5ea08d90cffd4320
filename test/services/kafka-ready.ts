/**
 * Is this broker ready? Mutual TLS, then one DescribeCluster: exit 0 when the cluster has as many brokers as asked for.
 * Speaks the protocol itself, so that `scripts/services up` needs nothing but Node.
 *
 * usage: node test/services/kafka-ready.ts --port N --brokers N --ca FILE --cert FILE --key FILE
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';

const text = { type: 'string', default: '' } as const;
const { values } = parseArgs({ options: { port: text, brokers: text, ca: text, cert: text, key: text } });

/**
 * DescribeCluster (key 60), version 0, request header version 2:
 *
 *   length int32 | key int16 | version int16 | correlation int32 | client id nullable string | tags | authorised bool | tags
 */
function describeCluster(): Buffer {
  const request = Buffer.from('00000000_003c_0000_00000001_ffff_00_00_00'.replaceAll('_', ''), 'hex');
  request.writeInt32BE(request.length - 4, 0);
  return request;
}

/**
 *   length int32 | correlation int32 | tags | throttle int32 | error int16 | message | cluster id | controller int32 | brokers
 *
 * Strings and arrays are compact: an unsigned varint of length + 1, below 128 here, so one byte.
 */
function brokerCount(reply: Buffer): number {
  if (reply.readInt16BE(13) !== 0) return 0;
  const clusterId = 15 + Math.max(1, reply.readUInt8(15));
  const controller = clusterId + Math.max(1, reply.readUInt8(clusterId));
  return reply.readUInt8(controller + 4) - 1;
}

const socket = connect({
  host: '127.0.0.1',
  servername: 'localhost',
  port: Number(values.port),
  ca: readFileSync(values.ca),
  cert: readFileSync(values.cert),
  key: readFileSync(values.key),
  minVersion: 'TLSv1.3',
});
let reply = Buffer.alloc(0);

function leave(code: number, why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(code);
}

socket.setTimeout(5_000, () => leave(1, 'no answer in 5 s'));
socket.on('error', (error) => leave(1, error.message));
socket.on('close', () => leave(1, 'the broker closed the connection'));
socket.on('data', (bytes) => {
  reply = Buffer.concat([reply, bytes]);
  if (reply.length < 4 || reply.length < 4 + reply.readInt32BE(0)) return;
  const found = brokerCount(reply);
  leave(found === Number(values.brokers) ? 0 : 1, `${found} of ${values.brokers} brokers`);
});
socket.write(describeCluster());
