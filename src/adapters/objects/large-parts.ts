import type { Part } from '../../ports/objects.ts';
import type { PartSupply } from './part-supply.ts';

/** S3 takes no smaller part, but for the last. */
const LEAST = 5 * 2 ** 20;

/**
 * The same bytes in parts that S3 takes. Parts that are large enough pass as they are; smaller ones are copied
 * together and released, which costs memory beside the budget: a worker's parts are large.
 */
export function largeParts(supply: PartSupply): Pick<PartSupply, 'next'> {
  return {
    next: async () => {
      const part = await supply.next();
      return part === undefined || part.last || part.bytes.length >= LEAST
        ? part
        : await gathered(part, supply);
    },
  };
}

async function gathered(first: Part, supply: PartSupply): Promise<Part> {
  const copies: Buffer[] = [];
  let bytes = 0;
  let last = false;
  for (let part: Part | undefined = first; part !== undefined; part = await supply.next()) {
    copies.push(Buffer.from(part.bytes));
    bytes += part.bytes.length;
    last = part.last;
    part.release();
    if (last || bytes >= LEAST) break;
  }
  return { bytes: Buffer.concat(copies), last, release: () => undefined };
}
