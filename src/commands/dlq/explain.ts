import type { Code } from '../../domain/errors.ts';

/** What to type next, by what has to happen first. */
type Way = 'edge' | 'settings' | 'source' | 'defect';

interface Explanation {
  /** A sentence: what happened, and where. */
  readonly what: string;
  /** A sentence: why that is likely, and what to look at. */
  readonly why: string;
  readonly way: Way;
}

const edge = (what: string, why: string): Explanation => ({ what, why, way: 'edge' });
const settings = (what: string, why: string): Explanation => ({ what, why, way: 'settings' });
const source = (what: string, why: string): Explanation => ({ what, why, way: 'source' });
const defect = (what: string, why: string): Explanation => ({ what, why, way: 'defect' });

/** One for each code that parks a delivery; a test holds the table against the codes. */
export const EXPLANATIONS: Readonly<Partial<Record<Code, Explanation>>> = {
  EVENT_TOO_LARGE: edge(
    'The event has more bytes than limits.eventBytes allows; nothing of it was read.',
    'An edge likely put content into the event; an event points to artifacts, it does not hold them.',
  ),
  EVENT_TOO_DEEP: edge(
    'The event is nested deeper than limits.depth allows; nothing of it was read.',
    'No event of the schema is so deep: the sender likely wraps it once more, or it is an attack.',
  ),
  EVENT_NOT_JSON: edge(
    'The record is not JSON in UTF-8, so nobody knows which call it is about.',
    'Something else than an edge likely writes to this topic, or the edge compresses or cuts its records.',
  ),
  EVENT_KEY_FORBIDDEN: edge(
    'A field of the event is called __proto__, constructor or prototype.',
    'No edge of ours sends such a field: look at who has write access to the topic.',
  ),
  EVENT_ENVELOPE: edge(
    'The CloudEvents envelope is not one of version 1.0 with its four attributes and a JSON content type.',
    'The edge was likely deployed with another CloudEvents library or binding.',
  ),
  EVENT_TYPE_UNKNOWN: edge(
    'The event is of a type that this product does not know.',
    'An edge likely publishes its other events to this topic too.',
  ),
  EVENT_VERSION_UNKNOWN: edge(
    'The event is of a major version that this worker does not know.',
    'The edge was likely upgraded before the workers: upgrade them, then replay.',
  ),
  EVENT_SHAPE: edge(
    'A field of the event is missing, of another type, or outside its limits.',
    'The edge was likely changed; callseal event check FILE names the field of an event of the same edge.',
  ),
  TENANT_UNKNOWN: settings(
    'The event names a tenant that is not in the settings, so no key, source or policy could be looked up.',
    'A new tenant is likely live at the edge before it is in the settings, or an edge of another deployment writes here.',
  ),
  TENANT_NOT_OF_TOPIC: settings(
    'The event came from a topic whose writers do not speak for the tenant that it names.',
    'The tenant likely moved to another edge, or that edge writes to the wrong topic; it may be somebody posing as it.',
  ),
  ALIAS_NOT_OF_TENANT: settings(
    'An artifact points to a source alias that is not one of this tenant.',
    'The alias is likely missing under the tenant in the settings, or spelt otherwise at the edge.',
  ),
  SOURCE_KEY_FORBIDDEN: edge(
    'The key of an artifact is no plain relative name.',
    'The edge likely sends a URL, a path with .. or one that begins with a slash.',
  ),
  NO_ARTIFACT: edge(
    'The event lists no artifact, so there is nothing to seal.',
    'An event lists all artifacts of the call in every revision; the edge likely sent it before it had any.',
  ),
  TOO_MANY_ARTIFACTS: edge(
    'The event lists more artifacts than limits.artifacts allows.',
    'The edge likely lists chunks of a recording instead of the recording.',
  ),
  ARTIFACT_ID_DUPLICATE: edge(
    'Two artifacts of the event have the same id.',
    'The edge likely numbers artifacts by kind and not by call.',
  ),
  ARTIFACT_KIND_UNKNOWN: edge(
    'An artifact is of a kind that this worker does not know.',
    'The edge was likely upgraded before the workers: upgrade them, then replay.',
  ),
  ARTIFACT_KIND_RESERVED: edge(
    'The event brings an artifact of a kind that only the worker makes.',
    'The edge likely makes an index or peaks of its own; it has to leave them out.',
  ),
  ID_IS_NUMBER: edge(
    'An id has 7 to 15 digits only and could be a phone number; the policy of the tenant refuses those.',
    'The edge likely uses a caller number as id: ids stand in clear in many places.',
  ),
  REVISION_REUSED: edge(
    'This revision of the call is sealed already, from an event with another content.',
    'The edge likely did not count the revision up when it changed the call; what is sealed stays as it is.',
  ),
  ARTIFACT_TOO_LARGE: edge(
    'An artifact has more bytes than its kind may have.',
    'The event likely points to the wrong object, or the edge stores another format than agreed.',
  ),
  SOURCE_LENGTH_DIFFERS: source(
    'An artifact has another length than the event says.',
    'The object was likely replaced or cut after the event was made, or its upload had not ended.',
  ),
  SOURCE_DIGEST_DIFFERS: source(
    'An artifact has another SHA-256 than the event says.',
    'The object was likely replaced after the event was made, or damaged on its way.',
  ),
  SOURCE_NOT_A_FILE: source(
    'An artifact is a folder, a link or a device and no regular file.',
    'Somebody likely moved the files and left links behind.',
  ),
  SOURCE_MISSING: source(
    'An artifact was not at its source, not even after retry.giveUpAfter.',
    'The edge likely never finished the upload, wrote it under another key, or its bucket expires objects too early.',
  ),
  SOURCE_CHANGED: source(
    'An artifact changed again and again while it was read, until retry.giveUpAfter was over.',
    'Something likely goes on writing to the object: an event is sent when its artifacts are final.',
  ),
  OBJECT_EXISTS: defect(
    'An object of a fresh name was there already.',
    'Names hold a random attempt, so this is a defect, or somebody else writes to the bucket.',
  ),
  BUG: defect(
    'The worker met an error that it does not know; the fingerprint stands for the place in its code.',
    'This is a defect of callseal, or a reply of a dependency that nobody expected; compare worker versions.',
  ),
};

/** Commands in the order they are typed; what stands in capitals is to be filled in. */
export function nextSteps(
  code: Code,
  { uid, fingerprint }: { readonly uid: string; readonly fingerprint: string },
): readonly string[] {
  const replay = `callseal replay plan --fingerprint ${fingerprint.slice(0, 12)}`;
  const look = `callseal dlq show ${uid} --open --reason 'WHY'`;
  const discard = `callseal dlq discard ${uid} --ticket TICKET`;
  switch (EXPLANATIONS[code]?.way ?? 'defect') {
    case 'edge':
      return [look, `${replay} --patch FILE`, discard];
    case 'settings':
      return ['callseal config check', replay, discard];
    case 'source':
      return [look, replay, discard];
    case 'defect':
      return [`callseal dlq stats --by worker --fingerprint ${fingerprint.slice(0, 12)}`, replay];
  }
}
