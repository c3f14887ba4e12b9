import { parseDocument } from 'yaml';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readInputText } from '../../runtime/base/files/read-file.ts';

/** From the name of a class folder, or a label of a table, to the diagnosis written to participants.tsv. */
export type LabelMap = ReadonlyMap<string, string>;

export const LABEL = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

/** The folder names of the Kaggle brain tumour sets, in lower case and with _ between words. */
const KAGGLE_LABELS: LabelMap = new Map([
  ['glioma_tumor', 'glioma'],
  ['meningioma_tumor', 'meningioma'],
  ['no_tumor', 'no_tumor'],
  ['pituitary_tumor', 'pituitary'],
  ['glioma', 'glioma'],
  ['meningioma', 'meningioma'],
  ['notumor', 'no_tumor'],
  ['pituitary', 'pituitary'],
]);

/** The label of a class folder: as the user's map says, letter by letter, else by the names that are known, whatever their case and blanks. */
export function folderLabel(folder: string, labels: LabelMap | undefined): string | undefined {
  if (labels) return labels.get(folder);
  return KAGGLE_LABELS.get(folder.toLowerCase().replace(/[\s-]+/g, '_'));
}

/** Names of class folders for which there is a label. */
export function knownFolders(labels: LabelMap | undefined): string[] {
  return [...(labels ?? KAGGLE_LABELS).keys()];
}

/** What each known label means, for participants.json. */
const LEVELS: ReadonlyMap<string, string> = new Map([
  ['glioma', 'Glioma'],
  ['meningioma', 'Meningioma'],
  ['no_tumor', 'No tumour, according to the source'],
  ['pituitary', 'Pituitary tumour'],
]);

export function describeLabel(label: string): string {
  return LEVELS.get(label) ?? `Images of the class ${label} of the source`;
}

/** Reads a map `folder: label` from YAML or JSON. @throws NF_PATH_MISSING, NF_BIDS_LABEL_MAP. */
export async function readLabelMap(file: string): Promise<LabelMap> {
  const text = await readInputText(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Label map', path: file }, { place: { file }, cause });
  });
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error) {
    const [start] = error.linePos ?? [];
    const place = { file, ...(start && { line: start.line, column: start.col }) };
    throw flError('NF_BIDS_LABEL_MAP', { detail: firstLine(error.message) }, { place, cause: error });
  }
  return checkMap(document.toJS({ mapAsMap: true, maxAliasCount: 0 }), file);
}

function checkMap(value: unknown, file: string): LabelMap {
  const bad = (detail: string, key?: string) =>
    flError('NF_BIDS_LABEL_MAP', { detail }, { place: { file, ...(key !== undefined && { key }) } });
  if (!(value instanceof Map) || value.size === 0) throw bad('it holds no lines `folder: label`');
  const labels = new Map<string, string>();
  for (const [folder, label] of value as Map<unknown, unknown>) {
    const key = String(folder);
    if (typeof label !== 'string' || !LABEL.test(label)) throw bad(`'${String(label)}' is not a label`, key);
    labels.set(key, label);
  }
  return labels;
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}
