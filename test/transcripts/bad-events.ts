import { createHash } from 'node:crypto';

/**
 * Events that should never have been sent. Each says what `event check` and `publish` answer to it, and what the
 * worker answers once it is in the inbox all the same.
 */
export interface BadEvent {
  readonly is: string;
  readonly bytes: (call: string) => string | Buffer;
  /** What is known offline: a code, or `sealed`. */
  readonly offline: string;
  /** What the worker parks it with, where that is another code: its sources were looked at. */
  readonly worker?: string;
}

type Change = (event: Envelope) => void;

interface Envelope {
  specversion: string;
  id: string;
  source: string;
  type: string;
  datacontenttype?: string;
  data: Data;
}

interface Data {
  tenant: unknown;
  call: unknown;
  revision: unknown;
  artifacts: Artifact[];
  [other: string]: unknown;
}

interface Artifact {
  id: string;
  kind: string;
  source: { alias: string; key: string };
  bytes?: number;
  sha256?: string;
}

export const SOURCE = Buffer.from('{"summary":"a caller asked for an appointment"}\n');

/** A good event of tenant t-4 about one file. */
export function goodEvent(call: string): Envelope {
  return {
    specversion: '1.0',
    id: `${call}.1`,
    source: 'urn:test:edge',
    type: 'callseal.call.completed.v1',
    data: {
      tenant: 't-4',
      call,
      revision: 1,
      consent: { recording: 'granted' },
      artifacts: [artifact('summary', 'good.json')],
    },
  };
}

function artifact(id: string, key: string, kind = 'summary'): Artifact {
  return { id, kind, source: { alias: 'edge-4', key } };
}

const changed =
  (change: Change) =>
  (call: string): string => {
    const event = goodEvent(call);
    change(event);
    return JSON.stringify(event);
  };

const withSource = (key: string, alias = 'edge-4'): BadEvent['bytes'] =>
  changed(({ data }) => {
    data.artifacts = [{ ...artifact('summary', key), source: { alias, key } }];
  });

const withArtifact = (fields: Partial<Artifact>): BadEvent['bytes'] =>
  changed(({ data }) => {
    data.artifacts = [{ ...artifact('summary', 'good.json'), ...fields }];
  });

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Text of an event, with raw JSON put in place of the word RAW: what JSON.stringify would not write. */
const raw =
  (json: string) =>
  (call: string): string =>
    JSON.stringify({ ...goodEvent(call), extra: 'RAW' }).replace('"RAW"', json);

export const BAD_EVENTS: readonly BadEvent[] = [
  { is: 'empty', bytes: () => '', offline: 'EVENT_NOT_JSON' },
  {
    is: 'broken JSON',
    bytes: (call) => JSON.stringify(goodEvent(call)).slice(0, -1),
    offline: 'EVENT_NOT_JSON',
  },
  { is: 'no UTF-8', bytes: () => Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), offline: 'EVENT_NOT_JSON' },
  { is: 'with a byte order mark and nothing else', bytes: () => '\ufeff', offline: 'EVENT_NOT_JSON' },
  { is: 'a list', bytes: () => '[]', offline: 'EVENT_ENVELOPE' },
  { is: 'null', bytes: () => 'null', offline: 'EVENT_ENVELOPE' },
  {
    is: 'data without its envelope',
    bytes: (call) => JSON.stringify(goodEvent(call).data),
    offline: 'EVENT_ENVELOPE',
  },
  {
    is: 'of CloudEvents 0.3',
    bytes: changed((event) => (event.specversion = '0.3')),
    offline: 'EVENT_ENVELOPE',
  },
  {
    is: 'an envelope around text',
    bytes: changed((event) => (event.datacontenttype = 'text/plain')),
    offline: 'EVENT_ENVELOPE',
  },
  {
    is: 'of another type',
    bytes: changed((event) => (event.type = 'com.example.other')),
    offline: 'EVENT_TYPE_UNKNOWN',
  },
  {
    is: 'of an unknown major version',
    bytes: changed((event) => (event.type = 'callseal.call.completed.v2')),
    offline: 'EVENT_VERSION_UNKNOWN',
  },
  {
    is: 'nested 10,000 deep',
    bytes: raw(`${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    offline: 'EVENT_TOO_DEEP',
  },
  {
    is: 'with a __proto__ field',
    bytes: raw('{"__proto__":{"isAdmin":true}}'),
    offline: 'EVENT_KEY_FORBIDDEN',
  },
  {
    is: 'with a constructor field',
    bytes: raw('{"constructor":{"prototype":{}}}'),
    offline: 'EVENT_KEY_FORBIDDEN',
  },
  { is: 'of 300 KB', bytes: raw(JSON.stringify('x'.repeat(300_000))), offline: 'EVENT_TOO_LARGE' },
  {
    is: 'of an unknown tenant',
    bytes: changed(({ data }) => {
      data.tenant = 't-5';
      data.artifacts = [{ ...artifact('summary', 'good.json'), source: { alias: 'cli', key: 'good.json' } }];
    }),
    offline: 'TENANT_UNKNOWN',
  },
  {
    is: 'of a tenant that is a path',
    bytes: changed(({ data }) => (data.tenant = '../t-42')),
    offline: 'EVENT_SHAPE',
  },
  { is: 'of the tenant *', bytes: changed(({ data }) => (data.tenant = '*')), offline: 'EVENT_SHAPE' },
  {
    is: 'of a call with a control character',
    bytes: changed(({ data }) => (data.call = 'c\u001b[2J')),
    offline: 'EVENT_SHAPE',
  },
  { is: 'of a call that is a number', bytes: changed(({ data }) => (data.call = 7)), offline: 'EVENT_SHAPE' },
  { is: 'of revision 0', bytes: changed(({ data }) => (data.revision = 0)), offline: 'EVENT_SHAPE' },
  { is: 'of revision 2^31', bytes: changed(({ data }) => (data.revision = 2 ** 31)), offline: 'EVENT_SHAPE' },
  {
    is: 'with a lone surrogate in its data',
    bytes: changed(({ data }) => (data['note'] = '\ud800')),
    offline: 'EVENT_SHAPE',
  },
  { is: 'without artifacts', bytes: changed(({ data }) => (data.artifacts = [])), offline: 'NO_ARTIFACT' },
  {
    is: 'with 65 artifacts',
    bytes: changed(({ data }) => {
      data.artifacts = Array.from({ length: 65 }, (_, i) => artifact(`a-${i}`, 'good.json'));
    }),
    offline: 'TOO_MANY_ARTIFACTS',
  },
  {
    is: 'with an artifact id twice',
    bytes: changed(({ data }) => {
      data.artifacts = [artifact('same', 'good.json'), artifact('same', 'other.json')];
    }),
    offline: 'ARTIFACT_ID_DUPLICATE',
  },
  {
    is: 'with an artifact id that only the worker makes',
    bytes: withArtifact({ id: 'audio~index' }),
    offline: 'EVENT_SHAPE',
  },
  { is: 'with a reserved kind', bytes: withArtifact({ kind: 'index' }), offline: 'ARTIFACT_KIND_RESERVED' },
  { is: 'with an unknown kind', bytes: withArtifact({ kind: 'hologram' }), offline: 'ARTIFACT_KIND_UNKNOWN' },
  {
    is: 'with a kind that every object has',
    bytes: withArtifact({ kind: 'toString' }),
    offline: 'ARTIFACT_KIND_UNKNOWN',
  },
  {
    is: 'that points to another tenant’s alias',
    bytes: withSource('good.json', 'edge-42'),
    offline: 'ALIAS_NOT_OF_TENANT',
  },
  {
    is: 'that points to an alias every object has',
    bytes: withSource('good.json', 'constructor'),
    offline: 'ALIAS_NOT_OF_TENANT',
  },
  { is: 'whose key goes up', bytes: withSource('../edge-42/secret.json'), offline: 'SOURCE_KEY_FORBIDDEN' },
  {
    is: 'whose key goes up in the middle',
    bytes: withSource('a/../../edge-42/secret.json'),
    offline: 'SOURCE_KEY_FORBIDDEN',
  },
  { is: 'whose key is absolute', bytes: withSource('/etc/passwd'), offline: 'SOURCE_KEY_FORBIDDEN' },
  { is: 'whose key is a URL', bytes: withSource('http://127.0.0.1/secret'), offline: 'SOURCE_KEY_FORBIDDEN' },
  { is: 'whose key is a file URL', bytes: withSource('file:///etc/passwd'), offline: 'SOURCE_KEY_FORBIDDEN' },
  {
    is: 'whose key goes up with backslashes',
    bytes: withSource('..\\edge-42\\secret.json'),
    offline: 'SOURCE_KEY_FORBIDDEN',
  },
  {
    is: 'whose key holds a null character',
    bytes: withSource('good.json\u0000.wav'),
    offline: 'SOURCE_KEY_FORBIDDEN',
  },
  {
    is: 'whose key is a link out of its folder',
    bytes: withSource('out/secret.json'),
    offline: 'sealed',
    worker: 'SOURCE_KEY_FORBIDDEN',
  },
  {
    is: 'whose key is a link',
    bytes: withSource('link.json'),
    offline: 'sealed',
    worker: 'SOURCE_NOT_A_FILE',
  },
  {
    is: 'whose key is a folder',
    bytes: withSource('folder'),
    offline: 'sealed',
    worker: 'SOURCE_NOT_A_FILE',
  },
  { is: 'whose key is a pipe', bytes: withSource('pipe'), offline: 'sealed', worker: 'SOURCE_NOT_A_FILE' },
  {
    is: 'whose source is shorter than declared',
    bytes: withArtifact({ bytes: SOURCE.length + 1 }),
    offline: 'sealed',
    worker: 'SOURCE_LENGTH_DIFFERS',
  },
  {
    is: 'whose source is longer than declared',
    bytes: withArtifact({ bytes: SOURCE.length - 1 }),
    offline: 'sealed',
    worker: 'SOURCE_LENGTH_DIFFERS',
  },
  {
    is: 'whose source has another SHA-256',
    bytes: withArtifact({ sha256: sha256(Buffer.from('other')) }),
    offline: 'sealed',
    worker: 'SOURCE_DIGEST_DIFFERS',
  },
  { is: 'whose SHA-256 is none', bytes: withArtifact({ sha256: 'abc' }), offline: 'EVENT_SHAPE' },
  {
    is: 'whose source is above its kind’s cap',
    bytes: withArtifact({ kind: 'embedding', source: { alias: 'edge-4', key: 'huge.f32' } }),
    offline: 'sealed',
    worker: 'ARTIFACT_TOO_LARGE',
  },
];
