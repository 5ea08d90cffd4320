// Destroys the keys of one call of the data folder .callseal, as the registry port offers it: the command comes with
// a later version.  usage: shred-call TENANT/CALL

import { open } from '../../src/compose.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { newUid } from '../../src/domain/ids.ts';

const [tenant = '', call = ''] = (process.argv[2] ?? '').split('/');
const { signal } = new AbortController();
const loaded = await loadSettings({
  profile: 'local',
  environment: {},
  folder: process.cwd(),
  flags: [],
  alsoWrong: [],
});
const opened = await open(loaded, {
  version: '0.0.0',
  actor: { kind: 'operator', id: 'test' },
  ticket: undefined,
  onKeyFileCreated: () => undefined,
});
try {
  const { registry } = opened.ports;
  const fact = opened.desk.auditor.fact('call.shred', { outcome: { status: 'ok' }, tenant });
  await registry.shred({ tenant, call }, { uid: newUid(), fact, at: new Date().toISOString() }, signal);
} finally {
  await opened.close();
}
