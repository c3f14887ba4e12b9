import { z } from 'zod';
import { flError } from '../../runtime/base/errors/errors.ts';
import { readYaml, type YamlSource } from '../../runtime/base/files/yaml-source.ts';

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

/** Reads a map `folder: label` from YAML or JSON. @throws NF_PATH_MISSING; NF_SELECT_MAP_YAML and NF_BIDS_LABEL_MAP with the line */
export async function readLabelMap(file: string): Promise<LabelMap> {
  return checkMap(await readMapFile(file));
}

/** Reads the text of any label map. @throws NF_PATH_MISSING, NF_SELECT_MAP_YAML with the line */
export function readMapFile(file: string): Promise<YamlSource> {
  return readYaml(file, 'NF_SELECT_MAP_YAML').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Label map', path: file }, { place: { file }, cause });
  });
}

const mapSchema = z.record(z.string(), z.unknown());

function checkMap({ value, place }: YamlSource): LabelMap {
  const found = mapSchema.safeParse(value).data;
  if (!found || Object.keys(found).length === 0)
    throw flError('NF_BIDS_LABEL_MAP', { detail: 'it holds no lines `folder: label`' }, { place: place([]) });
  const labels = new Map<string, string>();
  for (const [folder, label] of Object.entries(found)) {
    if (typeof label !== 'string' || !LABEL.test(label)) {
      const detail = `'${String(label).slice(0, MOST_SHOWN)}' is not a label`;
      throw flError('NF_BIDS_LABEL_MAP', { detail }, { place: place([folder]) });
    }
    labels.set(folder, label);
  }
  return labels;
}

/** Letters of a value that is none. */
const MOST_SHOWN = 80;
