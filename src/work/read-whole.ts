import { CallsealError } from '../domain/errors.ts';
import type { Objects } from '../ports/objects.ts';

/** All sealed bytes of an object that is known to be small. @throws CallsealError OBJECT_MISSING - also when cut */
export async function readWhole(
  objects: Pick<Objects, 'read'>,
  name: string,
  bytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of objects.read(name, { from: 0, to: bytes }, signal)) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  if (whole.length !== bytes) {
    throw new CallsealError('OBJECT_MISSING', `the object store holds ${whole.length} of ${bytes} bytes`);
  }
  return whole;
}
