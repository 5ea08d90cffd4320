import type { EventKind, KeyClass } from './artifacts.ts';

/** The alias of files that `callseal seal` reads in place: its paths are rows of the registry until the answer. */
export const ONE_CALL_ALIAS = 'cli';

/** What may differ from tenant to tenant. */
export interface Policy {
  readonly consent: {
    /** What `recording: unknown` means. */
    readonly unknown: 'seal' | 'refuse';
    /** What a later `denied` does to what is sealed already. `shred` comes with the shred command. */
    readonly onWithdrawal: 'keep';
  };
  /** Kinds whose sealed bytes travel downstream. */
  readonly transcriptEvents: readonly EventKind[];
  /** Digests in clear over the sealed bytes, beside the seal digest. */
  readonly digests: readonly 'sha256'[];
  readonly plainDigest: boolean;
  /** Milliseconds that a sealed call keeps its sources at the edge; null or absent: they are not ours to delete. */
  readonly releaseSourcesAfter?: number | null;
  /** An id of 7 to 15 digits only: a warning, or a park with ID_IS_NUMBER. */
  readonly numericIds: 'warn' | 'refuse';
}

export interface Tenant {
  readonly id: string;
  readonly policy: Policy;
  /** The inbox topic whose writers speak for this tenant. */
  readonly topic: string;
  /** Source aliases of this tenant. */
  readonly aliases: readonly string[];
  /** A legal hold on everything of this tenant. */
  readonly hold?: boolean;
  /** KEKs by class: an alias or id that the keys adapter understands. */
  readonly keks: Readonly<Record<KeyClass, string>>;
}

/** What the settings say of a tenant. */
export type TenantSettings = Omit<Tenant, 'id'>;

/** Finds the tenant a delivery claims to be of, or says that there is none. */
export interface TenantDirectory {
  find(tenant: string): Promise<Tenant | undefined>;
}
