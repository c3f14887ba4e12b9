import { COLUMN } from '../bids/participants.ts';
import { levelsOf, readSidecar } from '../bids/sidecar.ts';
import { PARTICIPANTS } from './label-cells.ts';
import { classText, isUnknown } from './label-text.ts';
import type { Subjects } from './read-subjects.ts';

/**
 * The classes of a data set, sorted: those of the label map, else those that participants.json declares (a site's own table may lack some), else
 * those of the table.
 * @throws NF_DATA_SIDECAR
 */
export async function classesOf(root: string, { rows, labels, selection }: Subjects): Promise<string[]> {
  const { label_map: map } = selection;
  const isTable = labels === undefined || labels.table === PARTICIPANTS;
  const declared = isTable
    ? levelsOf(await readSidecar(root), labels?.column ?? COLUMN.diagnosis)
    : undefined;
  const found = rows.flatMap(({ values }) =>
    values.has(COLUMN.setAside) ? [] : (values.get(COLUMN.diagnosis) ?? []),
  );
  const mapped = map && Object.values(map).filter((label) => label !== null);
  const levels = declared?.map((level) => classText(level, selection));
  return [...new Set(mapped ?? levels ?? found)].filter((name) => !isUnknown(name)).sort();
}
