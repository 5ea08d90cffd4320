import { readFile } from 'node:fs/promises';

/** The sample call as a tenant of config/production.yaml would announce it. */
export interface SampleCall {
  readonly tenant: string;
  readonly call: string;
  /** Of the record: order is kept per call. */
  readonly key: string;
  readonly event: Buffer;
  /** What the edge puts into its bucket before it says so: full name and bytes. */
  readonly sources: readonly { readonly name: string; readonly bytes: Buffer }[];
}

interface SampleEvent {
  readonly id: string;
  readonly data: {
    readonly call: string;
    readonly artifacts: readonly { readonly source: { readonly key: string } }[];
  };
}

export const TENANT = 't-42';
export const ALIAS = 'edge-eu';

export async function sampleBytes(name: string): Promise<Buffer> {
  return await readFile(new URL(`../../samples/${name}`, import.meta.url));
}

/** @param prefix - where the alias points to in the edge's bucket; ends in `/` */
export async function sampleCall(prefix: string): Promise<SampleCall> {
  const event: SampleEvent = JSON.parse((await sampleBytes('event.json')).toString());
  const { call } = event.data;
  const artifacts = event.data.artifacts.map((artifact) => ({
    ...artifact,
    source: { alias: ALIAS, key: artifact.source.key },
  }));
  const key = `${TENANT}/${call}`;
  const announced = { ...event, subject: key, data: { ...event.data, tenant: TENANT, artifacts } };
  const sources = artifacts.map(async ({ source }) => ({
    name: prefix + source.key,
    bytes: await sampleBytes(source.key),
  }));
  return {
    tenant: TENANT,
    call,
    key,
    event: Buffer.from(JSON.stringify(announced)),
    sources: await Promise.all(sources),
  };
}
