import type { Settings } from './schema.ts';

/**
 * Paths of the certificates that a worker presents or trusts, by the setting that names them. Of tenants' source
 * aliases there are none: a setting's name would tell who the tenant is.
 */
export function certificateFiles(settings: Settings): Record<string, string> {
  const { kafka, registry, objects, keys, jobs, ops } = settings;
  const named: Readonly<Record<string, string | null | undefined>> = {
    'kafka.tls.ca': kafka?.tls?.ca,
    'kafka.tls.cert': kafka?.tls?.cert,
    'registry.ca': caOf(registry),
    'objects.ca': caOf(objects),
    'keys.ca': caOf(keys),
    'jobs.ca': caOf(jobs),
    'ops.tls.ca': ops.tls?.ca,
    'ops.tls.cert': ops.tls?.cert,
  };
  const given: Record<string, string> = {};
  for (const [setting, path] of Object.entries(named)) if (path) given[setting] = path;
  return given;
}

function caOf(block: object): string | undefined {
  return 'ca' in block && typeof block.ca === 'string' ? block.ca : undefined;
}
