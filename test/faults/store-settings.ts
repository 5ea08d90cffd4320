import type { ServicesEnv } from '../services/env.ts';
import { edgeSource, storeSettings } from '../services/production-settings.ts';

export const TENANTS = ['t-1', 't-2', 't-3'] as const;

/** Registry, objects, keys, sources and tenants on the real services. */
export function settingsOf(env: ServicesEnv, database: string) {
  return {
    ...PACE,
    ...storeSettings(env, { database, bucket: OBJECTS }),
    tenants: { '*': null, demo: null, ...tenantsOf(env) },
  };
}

/** Where sealed objects are kept. */
export const OBJECTS = 'calls';

export const PACE = {
  budgets: { calls: 8, memory: '64MiB' },
  retry: { inPlace: 3, delay: '1s', giveUpAfter: '10m' },
};

export function tenantsOf(env: ServicesEnv): Record<string, object> {
  const tenants = TENANTS.map((tenant) => [
    tenant,
    {
      policy: 'default',
      keks: { phi: `alias/${tenant}-phi`, voiceprint: `alias/${tenant}-voice` },
      sources: { edge: { ...edgeSource(env, `${tenant}/`), sharedBucket: true } },
    },
  ]);
  return Object.fromEntries(tenants);
}

/** The event of a call with one recording. @param more - another revision, further artifacts */
export function eventOf(
  tenant: string,
  call: string,
  more: { readonly revision?: number; readonly artifacts?: readonly object[] } = {},
) {
  const { revision = 1, artifacts = [recording(`${call}.raw`)] } = more;
  return {
    specversion: '1.0',
    id: `${call}-${revision}`,
    source: 'urn:test',
    type: 'callseal.call.completed.v1',
    datacontenttype: 'application/json',
    data: { tenant, call, revision, consent: { recording: 'granted' }, artifacts },
  };
}

/** Raw PCM of two channels. @param key - of its source */
export function recording(key: string): object {
  const media = { container: 'raw', codec: 'pcm_s16le', sampleRate: 8000, channels: ['caller', 'agent'] };
  return { id: 'audio', kind: 'audio', source: { alias: 'edge', key }, media };
}

export function transcript(key: string): object {
  return { id: 'transcript', kind: 'transcript', source: { alias: 'edge', key } };
}
