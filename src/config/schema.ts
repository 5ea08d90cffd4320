import { z } from 'zod';
import type { EventKind } from '../domain/artifacts.ts';
import { LIMITS } from '../domain/call-event.ts';
import {
  decoder,
  events,
  id,
  inbox,
  jobs,
  kafka,
  keys,
  objects,
  registry,
  source,
} from './adapters-schema.ts';
import { hostPort } from './endpoints.ts';
import { byteSize, bytesText, duration } from './units.ts';

/**
 * Every setting there is: its shape, its default and, as description, its line in docs/settings.md. Strict: a key
 * that is not here is refused, since a typo would otherwise run in production for months.
 */

const KiB = 2 ** 10;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const budgets = z
  .strictObject({
    memory: byteSize({ min: 32 * MiB, max: 64 * GiB })
      .prefault('256MiB')
      .describe('bytes of parts in memory, shared by all calls'),
    calls: z.int().min(1).max(4096).default(16).describe('calls sealed side by side'),
    largeCalls: z.int().min(1).max(1024).default(4).describe('of them, large ones'),
    largeFrom: byteSize({ min: MiB, max: 64 * GiB })
      .prefault('64MiB')
      .describe('a call with an artifact of this size is large'),
    drain: duration({ min: SECOND, max: 60 * MINUTE })
      .prefault('100s')
      .describe('time to finish what is in hand after the first signal'),
  })
  .prefault({})
  .describe('how much is done at once');

const limits = z
  .strictObject({
    eventBytes: byteSize({ min: KiB, max: MiB })
      .prefault(bytesText(LIMITS.eventBytes))
      .describe('largest event'),
    depth: z.int().min(4).max(64).default(LIMITS.depth).describe('deepest nesting of an event'),
    artifacts: z.int().min(1).max(1024).default(LIMITS.artifacts).describe('most artifacts of a call'),
    parseSeconds: z
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .describe('processor seconds for parsing one recording'),
  })
  .prefault({})
  .describe('what is parked unread');

const retry = z
  .strictObject({
    inPlace: z.int().min(0).max(20).default(3).describe('tries before a delivery is put off'),
    delay: duration({ min: SECOND, max: DAY }).prefault('10m').describe('how long it is put off'),
    giveUpAfter: duration({ min: MINUTE, max: 30 * DAY })
      .prefault('24h')
      .describe('parked after this long, from its first counted failure'),
  })
  .prefault({})
  .describe('failures that are worth another try');

const breaker = z
  .strictObject({
    inARow: z.int().min(1).max(10_000).default(20).describe('failures in a row that open it'),
    ratio: z.number().min(0.01).max(1).default(0.5).describe('share of failures that opens it'),
    over: z.int().min(10).max(100_000).default(100).describe('deliveries that the share is taken over'),
    probeAfter: duration({ min: SECOND, max: DAY })
      .prefault('5m')
      .describe('pause before one is tried again'),
  })
  .prefault({})
  .describe('pauses a tenant whose deliveries fail by defects of ours');

const pem = z.string().min(1).max(4096).meta({ path: 'settings' });
const ops = z
  .strictObject({
    log: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('lowest level logged'),
    probes: hostPort.nullable().default(null).describe('address of live and ready; they say nothing else'),
    admin: hostPort.nullable().default(null).describe('address of status and metrics; loopback, or with tls'),
    tls: z
      .strictObject({
        ca: pem.describe('PEM file of the authorities that sign the clients'),
        cert: pem.describe('PEM file of the certificate'),
        key: pem.describe('PEM file of the private key'),
      })
      .optional()
      .describe('mutual TLS of the admin address'),
  })
  .prefault({})
  .describe('logs, probes, metrics');

const TRAVELLING = ['transcript', 'redacted-transcript', 'summary'] as const satisfies EventKind[];

const policy = z.strictObject({
  consent: z
    .strictObject({
      unknown: z.enum(['seal', 'refuse']).default('refuse').describe('what `recording: unknown` means'),
      onWithdrawal: z.enum(['keep']).default('keep').describe('what a later `denied` does to what is sealed'),
    })
    .prefault({})
    .describe('consent'),
  transcriptEvents: z
    .array(z.enum(TRAVELLING))
    .default(['transcript'])
    .describe('kinds whose sealed bytes travel downstream'),
  digests: z
    .array(z.enum(['sha256']))
    .default([])
    .describe('digests of the sealed bytes in receipt and outcome, beside the seal digest'),
  plainDigest: z.boolean().default(true).describe('keyed digest of the plaintext; dies with the call key'),
  releaseSourcesAfter: duration({ min: 0, max: 3650 * DAY })
    .nullable()
    .default(null)
    .describe('how long a sealed call keeps its sources; null: `callseal sources release` deletes none'),
  numericIds: z
    .enum(['warn', 'refuse'])
    .default('warn')
    .describe('an id of 7 to 15 digits, perhaps a phone number: a warning, or parked'),
});

const kek = z.string().min(1).max(256);
const tenant = z.strictObject({
  create: z
    .enum(['at-start', 'on-seal'])
    .default('at-start')
    .describe('when tenant and KEKs are made; on-seal: by the first `callseal seal`, for `*` only'),
  policy: id.default('default').describe('name of its policy'),
  keks: z
    .strictObject({
      phi: kek.describe('KEK of calls: alias or id'),
      voiceprint: kek.describe('KEK of voiceprints: alias or id'),
    })
    .optional()
    .describe('its KEKs; needed with aws-kms, made and named by keyfile otherwise'),
  sources: z.record(id, source).default({}).describe('source aliases of this tenant'),
  hold: z.boolean().default(false).describe('a legal hold: no source of this tenant is released'),
});

const tenantName = z
  .string()
  .refine((name) => name === '*' || id.safeParse(name).success, 'must be an opaque id, or * for everybody');

export const settingsSchema = z.strictObject({
  profile: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits and dashes')
    .describe('names config/<profile>.yaml; `production` has guards of its own'),
  data: z
    .string()
    .min(1)
    .max(4096)
    .default('.callseal')
    .meta({ path: 'settings' })
    .describe('data folder of the embedded adapters; --data; the default is in the working folder'),
  kafka,
  inbox,
  events,
  registry,
  objects,
  keys,
  jobs,
  decoder,
  budgets,
  limits,
  retry,
  breaker,
  ops,
  policies: z.record(id, policy).prefault({ default: {} }).describe('policies by name'),
  tenants: z.record(tenantName, tenant).describe('tenants by id; `*` is everybody else'),
});

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** Checked whole, frozen, paths absolute, sizes in bytes, durations in milliseconds. */
export type Settings = DeepReadonly<z.output<typeof settingsSchema>>;
