import { type Command, Option } from 'commander';
import { PARKED_DIMENSIONS, type ParkedDimension, type ParkedGroup } from '../../ports/parked.ts';
import { ageText } from '../age.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import type { Column } from '../voice.ts';
import { type FilterOptions, filterOf, filterOptions, newSince, stateOption } from './filter.ts';
import { shortPrint } from './ls.ts';

type StatsOptions = FilterOptions & { readonly by: ParkedDimension };
type Counted = ParkedGroup & { readonly isNew: boolean; readonly oldestAgeMs: number };

const CAUSE: readonly Column<Counted>[] = [
  { title: 'CODE', of: ({ cause }) => cause?.code },
  { title: 'STAGE', of: ({ cause }) => cause?.stage },
  { title: 'FINGERPRINT', of: ({ cause }) => cause && shortPrint(cause.fingerprint) },
];
const COUNTS: readonly Column<Counted>[] = [
  { title: 'NEW', of: ({ isNew }) => (isNew ? 'new' : undefined) },
  { title: 'PARKED', of: ({ count }) => count, align: 'right' },
  { title: 'TENANTS', of: ({ tenants }) => tenants, align: 'right' },
  { title: 'OLDEST', of: ({ oldestAgeMs }) => `${ageText(oldestAgeMs)} old`, align: 'right' },
  { title: 'NEWEST AT', of: ({ newestAt }) => newestAt },
];

/** `callseal dlq stats`: how many of what, and how old; never-seen fingerprints come first. */
export function registerDlqStats(dlq: Command, app: App): void {
  const by = new Option('--by <dimension>', 'what to count by');
  example(
    stateOption(filterOptions(dlq.command('stats')))
      .description('count what was parked: new fingerprints first, then the most')
      .addOption(by.choices(PARKED_DIMENSIONS).default('cause'))
      .action((options: StatsOptions) => countParked(app, options)),
    'callseal dlq stats',
    'callseal dlq stats --by tenant --code SOURCE_MISSING --since 7d',
  );
}

async function countParked(app: App, options: StatsOptions): Promise<void> {
  const { registry } = await app.ports();
  const since = newSince(options);
  const groups = await registry.parkedGroups(
    filterOf(options),
    { by: options.by, newSince: since },
    app.signal,
  );
  const now = Date.now();
  await app.voice.table(
    groups.map((group) => ({
      ...group,
      isNew: group.firstSeenAt >= since,
      oldestAgeMs: Math.max(0, now - Date.parse(group.oldestAt)),
    })),
    [...(options.by === 'cause' ? CAUSE : [valueColumn(options.by)]), ...COUNTS],
  );
  if (groups.length === 0) app.voice.say('nothing is parked');
}

function valueColumn(by: ParkedDimension): Column<Counted> {
  const short = by === 'fingerprint' ? shortPrint : (value: string): string => value;
  return { title: by.toUpperCase(), of: ({ value }) => value && short(value) };
}
