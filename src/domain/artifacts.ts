/** Key classes of a call: each has its own KEK, its own call key and its own clock (docs/architecture.md, "Keys"). */
export const KEY_CLASSES = ['phi', 'voiceprint'] as const;
export type KeyClass = (typeof KEY_CLASSES)[number];

interface KindRule {
  readonly keyClass: KeyClass;
  /** Largest plaintext in bytes; a larger one parks the delivery (ARTIFACT_TOO_LARGE). */
  readonly capBytes: number;
  /** `json`: the bytes should parse as JSON, otherwise the warning SHAPE_UNKNOWN. */
  readonly shape: 'json' | 'bytes';
  /** Whether the tap looks at it as audio. */
  readonly audio: boolean;
  /** Whether its sealed bytes may travel downstream in a transcript event, where the policy lists the kind. */
  readonly travels: boolean;
}

const GiB = 2 ** 30;
const MiB = 2 ** 20;
const audio = { keyClass: 'phi', capBytes: 64 * GiB, shape: 'bytes', audio: true, travels: false } as const;
const json = { keyClass: 'phi', capBytes: 64 * MiB, shape: 'json', audio: false, travels: false } as const;
const text = { ...json, travels: true } as const;
const vector = { keyClass: 'phi', capBytes: 16 * MiB, shape: 'bytes', audio: false, travels: false } as const;

/** What an event may send. An attempt seals kinds with a smaller cap first. */
const EVENT_KIND_RULES = {
  audio,
  voicemail: audio,
  'redacted-audio': audio,
  transcript: text,
  'redacted-transcript': text,
  summary: text,
  context: json,
  sentiment: json,
  leadScore: json,
  embedding: vector,
  voiceprint: { ...vector, keyClass: 'voiceprint' },
} as const satisfies Record<string, KindRule>;

/** What only the worker makes, as `<id>~<kind>`; an event that sends one is parked. */
const MADE_KIND_RULES = {
  index: vector,
  peaks: vector,
  stats: json,
} as const satisfies Record<string, KindRule>;

export type EventKind = keyof typeof EVENT_KIND_RULES;
export type MadeKind = keyof typeof MADE_KIND_RULES;
export type ArtifactKind = EventKind | MadeKind;

export const EVENT_KINDS = Object.keys(EVENT_KIND_RULES).filter(isEventKind);
export const MADE_KINDS = Object.keys(MADE_KIND_RULES).filter(isMadeKind);

export function isEventKind(kind: string): kind is EventKind {
  return Object.hasOwn(EVENT_KIND_RULES, kind);
}

export function isMadeKind(kind: string): kind is MadeKind {
  return Object.hasOwn(MADE_KIND_RULES, kind);
}

/** `audio~index`: the id of what the worker made of an artifact; `~` is outside the alphabet of sent ids. */
export function madeId(artifact: string, kind: MadeKind): string {
  return `${artifact}~${kind}`;
}

/** The artifact that a made one belongs to; undefined for one that was sent. */
export function parentOf(id: string): string | undefined {
  const at = id.indexOf('~');
  return at < 0 ? undefined : id.slice(0, at);
}

export function ruleOf(kind: ArtifactKind): KindRule {
  return isEventKind(kind) ? EVENT_KIND_RULES[kind] : MADE_KIND_RULES[kind];
}
