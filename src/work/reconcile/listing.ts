import { CallsealError } from '../../domain/errors.ts';
import { isSourceKey } from '../../domain/source-key.ts';

/** One object of a source store. */
export interface ListedSource {
  readonly line: number;
  readonly tenant: string;
  readonly alias: string;
  readonly key: string;
  readonly bytes: number;
  readonly modified: Date | undefined;
}

/** The tenants that have an alias of this name. */
export type TenantsOf = (alias: string) => readonly string[];

const LINE = /^(?:([^\t/]+)\/)?([^\t/]+)\t([^\t]+)\t(\d{1,15})(?:\t([^\t]+))?$/;

/**
 * A listing as text: `[tenant/]alias<TAB>key<TAB>bytes[<TAB>modified]`, the key as an event would name it, the time as
 * ISO 8601. Empty lines are nothing. The tenant may be left out where only one has such an alias.
 *
 * @throws CallsealError USAGE - with the number of the line, never with what stands in it
 */
export async function* readListing(
  lines: AsyncIterable<string>,
  tenantsOf: TenantsOf,
): AsyncGenerator<ListedSource, void, undefined> {
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() !== '') yield sourceOf(text.replace(/\r$/, ''), line, tenantsOf);
  }
}

function sourceOf(text: string, line: number, tenantsOf: TenantsOf): ListedSource {
  const [, named, alias = '', key = '', bytes, time] = LINE.exec(text) ?? [];
  if (bytes === undefined)
    throw wrong(line, 'is not [tenant/]alias, key, bytes and perhaps a time, with tabs');
  if (!isSourceKey(key)) throw wrong(line, 'has a key that no event may name: a plain relative name');
  const modified = time === undefined ? undefined : new Date(time);
  if (modified && Number.isNaN(modified.getTime())) throw wrong(line, 'has a time that is not ISO 8601');
  const tenants = tenantsOf(alias);
  const tenant = named ?? tenants[0] ?? '';
  if (!tenants.includes(tenant)) throw wrong(line, 'has an alias that is not in the settings');
  if (named === undefined && tenants.length > 1) {
    throw wrong(line, 'has an alias of several tenants: write tenant/alias');
  }
  return { line, tenant, alias, key, bytes: Number(bytes), modified };
}

function wrong(line: number, what: string): CallsealError {
  return new CallsealError('USAGE', `line ${line} of the listing ${what}`, {
    hint: 'one object a line: t-42/edge-eu<TAB>2026/11/24/c-0001.wav<TAB>15360044<TAB>2026-11-24T10:08:00Z',
  });
}
