import type { Output } from '../../domain/outputs.ts';
import type { OutRecord } from './packing.ts';
import { partitionOf } from './partitions.ts';

/** Carries the id of an output that is no CloudEvent of that id. */
const ID_HEADER = 'callseal-id';

export function outputRecord(output: Output, topic: string, partitions: number): OutRecord {
  const { key, id, value } = output;
  const headers = output.headers['ce_id'] === id ? output.headers : { ...output.headers, [ID_HEADER]: id };
  return { topic, partition: partitionOf(key, partitions), key, headers, value };
}

/** The inverse: the id, and the headers as they were given. */
export function outputHeaders(written: Readonly<Record<string, string>>): Pick<Output, 'id' | 'headers'> {
  const { [ID_HEADER]: own, ...headers } = written;
  return { id: own ?? headers['ce_id'] ?? '', headers };
}
