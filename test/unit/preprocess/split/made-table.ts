import { type Participants, parseParticipants } from '../../../../src/preprocess/bids/participants.ts';

export interface MadeRow {
  readonly id: string;
  readonly diagnosis: string;
  readonly group?: string;
  readonly setAside?: string;
  readonly site?: string;
}

/** participants.tsv of such rows, in this order. */
export function tableText(rows: readonly MadeRow[]): string {
  const lines = rows.map(({ id, diagnosis, group, setAside, site }) =>
    [id, diagnosis, group ?? 'n/a', setAside ?? 'n/a', site ?? 'n/a'].join('\t'),
  );
  return `${['participant_id\tdiagnosis\tgroup_id\tset_aside\tsite', ...lines].join('\n')}\n`;
}

export function madeTable(rows: readonly MadeRow[]): Participants {
  return parseParticipants(Buffer.from(tableText(rows)), 'participants.tsv');
}

/** `count` participants of each class, each its own group. */
export function evenRows(count: number, classes: readonly string[] = ['glioma', 'no_tumor']): MadeRow[] {
  return classes.flatMap((diagnosis) =>
    Array.from({ length: count }, (_, at) => ({ id: `sub-${diagnosis.replace('_', '')}${at}`, diagnosis })),
  );
}
