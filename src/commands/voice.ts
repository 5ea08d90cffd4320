/**
 * The voice of the command.
 *
 * - stdout is data only: what was asked for, and nothing else.
 * - Everything else goes to stderr as `callseal: …`, lower case, no full stop. An error is followed by hints that say
 *   what to type next.
 * - `--json`: one document for one thing, one JSON object a line for a list. Field names are the code's.
 * - Progress is one line that rewrites itself, on a terminal only, never with --json.
 * - Ids and names come from others: control characters in them are escaped before they reach a terminal, in JSON too.
 */

/** What is needed of process.stdout and process.stderr. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  readonly align?: 'right';
}

export interface Voice {
  readonly json: boolean;
  /** One thing: a JSON document, or lines for people. */
  document(value: unknown, lines: () => Iterable<string>): Promise<void>;
  /** A list that is all there: NDJSON, or a table. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): Promise<void>;
  /** One item of a list that goes on: a line of NDJSON, or a line for people. Waits for a slow reader. */
  item(value: unknown, line: () => string): Promise<void>;
  /** A line that stays byte for byte what it is, except on a terminal. */
  raw(line: string): Promise<void>;
  /** To stderr, as `callseal: …`. */
  say(message: string): void;
  hint(message: string): void;
  error(message: string): void;
  progress(message: string): void;
}

const CLEAR_LINE = '\r\u001b[K';

export function createVoice(stdout: Sink, stderr: Sink, isJson: () => boolean): Voice {
  let progressShown = false;

  const clearProgress = (): void => {
    if (progressShown) stderr.write(CLEAR_LINE);
    progressShown = false;
  };
  const write = async (text: string): Promise<void> => {
    clearProgress(); // both may be the same terminal
    if (stdout.write(`${text}\n`)) return;
    await new Promise<void>((resolve) => stdout.once('drain', resolve));
  };
  const toStderr = (kind: string, message: string): void => {
    clearProgress();
    for (const line of message.split('\n')) stderr.write(`callseal: ${kind}${printable(line)}\n`);
  };
  return {
    get json() {
      return isJson();
    },
    document: (value, lines) => write(isJson() ? jsonText(value, 2) : [...lines()].map(printable).join('\n')),
    async table(rows, columns) {
      if (isJson()) for (const row of rows) await write(jsonText(row));
      else if (rows.length > 0) await write(tableLines(rows, columns).join('\n'));
    },
    item: (value, line) => write(isJson() ? jsonText(value) : printable(line())),
    raw: (line) => write(stdout.isTTY === true ? printable(line) : line),
    say: (message) => toStderr('', message),
    hint: (message) => toStderr('hint: ', message),
    error: (message) => toStderr('error: ', message),
    progress(message) {
      if (stderr.isTTY !== true || isJson()) return;
      stderr.write(`${CLEAR_LINE}callseal: ${printable(message)}`);
      progressShown = true;
    },
  };
}

/** C0, DEL, C1, line and paragraph separators, and what turns the direction of text around. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text that cannot move a cursor, clear a screen or pose as another line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/** JSON whose text is printable as well: JSON itself allows DEL, C1 and the rest inside a string. */
function jsonText(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => printable(String(column.of(row) ?? '-')))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, i) =>
        columns[i]?.align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
