import { KEY_CLASSES } from '../domain/artifacts.ts';
import type { Tenant, TenantDirectory, TenantSettings } from '../domain/tenants.ts';
import type { Keys } from '../ports/keys.ts';
import type { Ledger } from '../ports/registry.ts';
import type { Auditor } from './auditor.ts';

export interface DirectoryParts {
  readonly registry: Pick<Ledger, 'tenants' | 'createTenant'>;
  readonly keys: Pick<Keys, 'ensure'>;
  readonly auditor: Auditor;
  /** The settings of a tenant; of one that is not named there only where `*` is. */
  readonly settingsOf: (tenant: string) => TenantSettings | undefined;
  /** Whether the settings name it: such a tenant needs no row. */
  readonly isNamed: (tenant: string) => boolean;
  /** Whether tenants and KEKs are made here (embedded) or have been made by an administrator. */
  readonly creates: boolean;
}

export interface Tenants extends TenantDirectory {
  /**
   * Makes the tenant and its KEKs where they are missing; does nothing where an administrator makes them.
   *
   * @returns whether the tenant was made now; undefined where the settings do not allow it
   */
  create(tenant: string, signal: AbortSignal): Promise<boolean | undefined>;
}

/** Who is a tenant: whom the settings name, and under `*` whom somebody has created here. */
export function tenantDirectory(parts: DirectoryParts): Tenants {
  const { registry, keys, auditor, settingsOf, isNamed, creates } = parts;
  const created = new Set<string>();
  const isCreated = async (tenant: string, signal: AbortSignal): Promise<boolean> => {
    if (!created.has(tenant)) for (const known of await registry.tenants(signal)) created.add(known);
    return created.has(tenant);
  };
  return {
    find: async (tenant) => {
      const settings = settingsOf(tenant);
      if (!settings) return undefined;
      if (!isNamed(tenant) && !(await isCreated(tenant, new AbortController().signal))) return undefined;
      return { id: tenant, ...settings } satisfies Tenant;
    },
    create: async (tenant, signal) => {
      const settings = settingsOf(tenant);
      if (!settings) return undefined;
      if (!creates) return false;
      for (const keyClass of KEY_CLASSES) await keys.ensure(settings.keks[keyClass], signal);
      if (await isCreated(tenant, signal)) return false;
      await registry.createTenant(tenant, auditor.fact('tenant.create', { tenant }), signal);
      created.add(tenant);
      return true;
    },
  };
}
