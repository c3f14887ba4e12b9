import type { DicomImport } from './summary.ts';

const NONE = 'n/a';

export function scansTable(
  rows: readonly { readonly file: string; readonly time: string | undefined }[],
): string {
  const sorted = rows.toSorted((a, b) => (a.file < b.file ? -1 : 1));
  return tsv([['filename', 'acq_time'], ...sorted.map(({ file, time }) => [file, time ?? NONE])]);
}

/** participants.tsv: rows of the data set as it was, and those of subjects that are new; a label that the import knows replaces an older one. */
export function mergedParticipants(
  earlier: string | undefined,
  { subjects, labels }: { subjects: readonly string[]; labels: ReadonlyMap<string, string> | undefined },
): { text: string; hasLabels: boolean } {
  const [header = [], ...rows] = (earlier ?? '').split('\n').map((line) => line.split('\t'));
  const column = header.indexOf('diagnosis');
  const known = new Map(column === -1 ? [] : rows.map((cells) => [cells[0] ?? '', cells[column] ?? NONE]));
  const hasLabels = labels !== undefined || column !== -1;
  if (!hasLabels)
    return { text: tsv([['participant_id'], ...subjects.map((subject) => [subject])]), hasLabels };
  const cells = subjects.map((subject) => [subject, labels?.get(subject) ?? known.get(subject) ?? NONE]);
  return { text: tsv([['participant_id', 'diagnosis'], ...cells]), hasLabels };
}

/** The report of what was not carried over: elements by tag or sidecar key, never a value. */
export function removedTable(removed: DicomImport['removed']): string {
  return tsv([['element', 'count'], ...removed.map(({ tag, count }) => [tag, String(count)])]);
}

function tsv(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.join('\t')}\n`).join('');
}
