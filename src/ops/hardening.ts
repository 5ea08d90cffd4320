/** What the process was started with. Settings cannot mend it, so it is refused with them, at the start. */
export interface StartedWith {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Node's own options: process.execArgv. */
  readonly options: readonly string[];
}

const REFUSED_OPTIONS: readonly (readonly [form: RegExp, why: string])[] = [
  [/^--(inspect|debug)/, 'lets a debugger read every key in memory'],
  [/^--tls-keylog/, 'writes the secrets of every TLS session to a file'],
  [
    /^--tls-(min|max)-v1\.[012]$/,
    'allows a TLS version below 1.3 everywhere; say minVersion in the one block that needs it',
  ],
  [/^--heapsnapshot|^--heap-prof|^--diagnostic-dir/, 'writes memory, and so keys, to a file'],
  [/^--report-(on|uncaught)/, 'writes the environment and stacks to a file'],
];

/** @returns a sentence for each option and variable that must go */
export function startProblems({ environment, options }: StartedWith): string[] {
  const problems: string[] = [];
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    problems.push('NODE_TLS_REJECT_UNAUTHORIZED is 0, which switches every certificate check off; unset it');
  }
  const given = [
    ...options.map((option) => ({ option, from: 'the command line' })),
    ...(environment['NODE_OPTIONS'] ?? '').split(/\s+/).map((option) => ({ option, from: 'NODE_OPTIONS' })),
  ];
  for (const { option, from } of given) {
    const refused = REFUSED_OPTIONS.find(([form]) => form.test(option));
    if (refused) problems.push(`${option.split('=')[0]} on ${from} ${refused[1]}; start without it`);
  }
  return problems;
}

/**
 * The soft limit for core files, from /proc/self/limits; undefined where the system does not say. A core file would
 * hold every key in memory: bin/callseal and the image set it to 0.
 */
export function coreLimitOf(procLimits: string): string | undefined {
  return /^Max core file size\s+(\S+)/m.exec(procLimits)?.[1];
}
