import { clockFinding, type Finding } from '../../domain/findings.ts';

/** What the requests of a client showed beside their answers. */
export interface Watch {
  /** Where the last one went; undefined while none was signed. */
  place(): { readonly host: string; readonly port: number } | undefined;
  /** By the `Date` of the last answer, a refusal too; undefined where there was none. */
  clock(): Finding | undefined;
}

/** To be added to a client's `deserialize` step with low priority: next to the wire, where refusals are seen too. */
export function watchRequests() {
  let place: { host: string; port: number } | undefined;
  let skewMs: number | undefined;
  const watch: Watch = {
    place: () => place,
    clock: () => (skewMs === undefined ? undefined : clockFinding(skewMs)),
  };
  const middleware =
    <Sent extends { request: unknown }, Answer extends { response: unknown }>(
      next: (args: Sent) => Promise<Answer>,
    ) =>
    async (args: Sent): Promise<Answer> => {
      place = placeOf(args.request) ?? place;
      const sent = Date.now();
      const answer = await next(args);
      skewMs = skewOf(dateOf(answer.response), sent, Date.now()) ?? skewMs;
      return answer;
    };
  return { watch, middleware };
}

function placeOf(request: unknown): { host: string; port: number } | undefined {
  const host = fieldOf(request, 'hostname');
  const port = fieldOf(request, 'port') ?? 443;
  return typeof host === 'string' && typeof port === 'number'
    ? { host: host.replace(/^\[|\]$/g, ''), port }
    : undefined;
}

function dateOf(response: unknown): string | undefined {
  const date = fieldOf(fieldOf(response, 'headers'), 'date');
  return typeof date === 'string' ? date : undefined;
}

/** The SDK's types leave open what its requests and answers are. */
function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** A `Date` is cut to the second, and was written somewhere between question and answer. */
export function skewOf(date: string | undefined, sentMs: number, answeredMs: number): number | undefined {
  const server = Date.parse(date ?? '');
  return Number.isNaN(server) ? undefined : (sentMs + answeredMs) / 2 - (server + 500);
}
