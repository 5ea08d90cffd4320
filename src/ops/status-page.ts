import type { Reason } from './health.ts';
import type { Status } from './status-page-facts.ts';

/** Served beside the page: the content security policy allows no style inside it. */
export const STATUS_CSS = `body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1d2430; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #d9dee7; font-variant-numeric: tabular-nums; }
.good { color: #1a6b3c; } .bad { color: #a3231b; font-weight: 600; } .note { color: #5b6575; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #dfe4ec; } th, td { border-color: #2e3643; }
  .good { color: #6fcf97; } .bad { color: #ff8a80; } .note { color: #98a2b3; }
}
`;

/** Read only: it has no form, no script and no link that leads away. Reloads itself. */
export function statusPage(status: Status): string {
  const { version, profile, at, phase, health, inFlight } = status;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="10">
<title>callseal</title>
<link rel="stylesheet" href="/status.css">
</head>
<body>
<h1>callseal ${text(version)}, profile ${text(profile)}: ${phase}</h1>
${table(
  ['', ''],
  [
    ['live', verdict(health.live)],
    ['ready', verdict(health.ready)],
    ['in flight', text(`${counted(inFlight.calls, 'call')}, ${bytes(inFlight.bytes)}`)],
    ['inbox', inboxText(status.inbox)],
  ],
)}
<h2>Paused</h2>
${pausedTable(status.paused)}
<h2>Parked</h2>
${parkedTable(status.parked)}
<p class="note">As of ${text(at)}. The same as JSON: <a href="/status">/status</a>; numbers over time: <a href="/metrics">/metrics</a>.</p>
</body>
</html>
`;
}

function inboxText(inbox: Status['inbox']): string {
  if ('unreadable' in inbox) return unreadable(inbox.unreadable);
  const { waiting, due, oldestSeconds } = inbox;
  const oldest = waiting === 0 ? '' : `, the oldest for ${age(oldestSeconds)}`;
  return text(`${waiting} waiting, ${due} due${oldest}`);
}

function pausedTable(paused: Status['paused']): string {
  if (paused.length === 0) return note('Nobody waits for a dependency.');
  return table(
    ['who', 'why', 'since'],
    paused.map(({ scope, tenant, code, since }) => [
      text(tenant === undefined ? scope : `${scope === 'alias' ? 'an alias of ' : ''}tenant ${tenant}`),
      bad(code),
      text(since),
    ]),
  );
}

function parkedTable(parked: Status['parked']): string {
  if ('unreadable' in parked) return `<p>${unreadable(parked.unreadable)}</p>`;
  if (parked.causes.length === 0) return note('Nothing is parked.');
  const rows = parked.causes.map(({ code, count, oldestSeconds }) => [
    text(code),
    text(String(count)),
    text(age(oldestSeconds)),
  ]);
  const more = parked.more ? note('More are parked than were counted here.') : '';
  return `${table(['cause', 'calls', 'oldest'], rows)}\n${more}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = head.some((title) => title !== '')
    ? `<tr>${head.map((title) => `<th>${title}</th>`).join('')}</tr>\n`
    : '';
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`);
  return `<table>\n${titles}${lines.join('\n')}\n</table>`;
}

function verdict(reasons: readonly Reason[]): string {
  return reasons.length === 0 ? '<span class="good">yes</span>' : bad(`no: ${reasons.join(', ')}`);
}

function unreadable(code: string): string {
  return bad(`cannot be read: ${code}`);
}

function bad(words: string): string {
  return `<span class="bad">${text(words)}</span>`;
}

function note(words: string): string {
  return `<p class="note">${text(words)}</p>`;
}

/** Everything that is not ours passes here. */
function text(words: string): string {
  return words.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const AGES = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `59 s`, `3 min`, `2 h`, `5 d`: rounded down, as people say it. */
export function age(seconds: number): string {
  const [unit, size] = AGES.find(([, each]) => seconds >= each) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function bytes(count: number): string {
  return count < 2 ** 20 ? `${Math.ceil(count / 1024)} KiB` : `${(count / 2 ** 20).toFixed(1)} MiB`;
}
