import { isId, looksLikeNumber } from './ids.ts';

/** W3C Trace Context, level 1: version, trace id, parent id and flags, none of the ids all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What may stand in clear of a delivered record's own headers: whatever does not look like an id is left out. */
export function clearHeadersOf(record: {
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}): { readonly eventId?: string; readonly traceparent?: string } {
  const { traceparent } = record.headers;
  const eventId = record.headers['ce_id'] ?? structuredId(record);
  return {
    ...(eventId !== undefined && isId(eventId) && !looksLikeNumber(eventId) && { eventId }),
    ...(traceparent !== undefined && TRACEPARENT.test(traceparent) && { traceparent }),
  };
}

/** The id of an event in structured mode; nothing of what cannot be read. */
function structuredId({ headers, value }: Parameters<typeof clearHeadersOf>[0]): string | undefined {
  if (headers['ce_specversion'] !== undefined) return undefined;
  try {
    const event: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    const id = typeof event === 'object' && event !== null && 'id' in event ? event.id : undefined;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined; // not JSON, or nested too deep for the parser
  }
}
