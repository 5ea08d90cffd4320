// The HEALTHCHECK of the image: asks /livez of this container's own worker. Exit code 0: it answered 200; 1: anything else.
// The port is that of CALLSEAL_OPS__PROBES, else of config/production.yaml.
import { get } from 'node:http';
import { env } from 'node:process';

const PORT_OF_PRODUCTION = 9400;
const WITHIN_MS = 4_000;

const given = env.CALLSEAL_OPS__PROBES?.split(':').at(-1);
const port = given === undefined ? PORT_OF_PRODUCTION : Number(given);

const request = get({ host: '127.0.0.1', port, path: '/livez', timeout: WITHIN_MS }, (answer) => {
  answer.resume();
  process.exitCode = answer.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => request.destroy(new Error(`no answer in ${WITHIN_MS} ms`)));
request.on('error', (error) => {
  process.stderr.write(`health: ${error.message}\n`);
  process.exitCode = 1;
});
