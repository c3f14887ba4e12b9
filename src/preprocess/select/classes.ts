import { join } from 'node:path';
import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInputText } from '../../runtime/base/files/read-file.ts';
import { COLUMN } from '../bids/participants.ts';
import { PARTICIPANTS } from './label-cells.ts';
import { cleanText, isUnknown } from './label-text.ts';
import type { Subjects } from './read-subjects.ts';

/**
 * The classes of a data set, sorted: those of the label map, else those that participants.json declares (a site's own table may lack some), else
 * those of the table.
 * @throws NF_DATA_SIDECAR
 */
export async function classesOf(root: string, { rows, labels, selection }: Subjects): Promise<string[]> {
  const { label_map: map, ignore_case: ignoreCase } = selection;
  const isTable = labels === undefined || labels.table === PARTICIPANTS;
  const declared = isTable ? await levelsOf(join(root, 'participants.json'), labels?.column) : undefined;
  const found = rows.flatMap(({ values }) =>
    values.has(COLUMN.setAside) ? [] : (values.get(COLUMN.diagnosis) ?? []),
  );
  const mapped = map && Object.values(map).filter((label) => label !== null);
  const levels = declared?.map((level) => (ignoreCase ? cleanText(level).toLowerCase() : cleanText(level)));
  return [...new Set(mapped ?? levels ?? found)].filter((name) => !isUnknown(name)).sort();
}

async function levelsOf(file: string, column: string = COLUMN.diagnosis): Promise<string[] | undefined> {
  const text = await readInputText(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  let sidecar: unknown;
  try {
    sidecar = JSON.parse(text);
  } catch (cause) {
    throw flError('NF_DATA_SIDECAR', { message: (cause as Error).message }, { place: { file }, cause });
  }
  const found = z.record(z.string(), z.unknown()).safeParse(sidecar).data?.[column];
  const levels = z.looseObject({ Levels: z.record(z.string(), z.unknown()) }).safeParse(found).data?.Levels;
  return levels && Object.keys(levels);
}
