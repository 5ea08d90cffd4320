/** The text format of Prometheus, read: a series is a name and its labels. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export function seriesOf(text: string): Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!match) throw new Error(`no series: ${line}`);
      const [, name = '', labels = '', value] = match;
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name,
        labels: Object.fromEntries(pairs.map(([, label = '', word = '']) => [label, word])),
        value: Number(value),
      };
    });
}

/** The value of one series; undefined where it is absent. */
export function valueOf(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return seriesOf(text).find(
    (one) => one.name === name && Object.entries(labels).every(([label, word]) => one.labels[label] === word),
  )?.value;
}
