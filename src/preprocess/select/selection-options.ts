import { flError } from '../../runtime/base/errors/errors.ts';
import { issueText } from '../../runtime/base/errors/issue-text.ts';
import { checkYaml } from '../../runtime/base/files/yaml-check.ts';
import type { YamlSource } from '../../runtime/base/files/yaml-source.ts';
import {
  isDefault,
  labelMapSchema,
  type Selection,
  selectionSchema,
  withoutDefaults,
} from '../../runtime/base/selection/selection.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { readMapFile } from '../sources/label-map.ts';
import { tableInDataset } from './label-cells.ts';
import { classText, cleanText } from './label-text.ts';
import type { Subjects } from './read-subjects.ts';

/** A selection as the command line gives it. */
export interface SelectionOptions {
  readonly suffix?: string | undefined;
  /** `T1w,ce=gad|`, each of them. */
  readonly channel?: readonly string[] | undefined;
  readonly incomplete?: Selection['incomplete'];
  /** `ses=preop,ce=gad|`, each of them. */
  readonly filter?: readonly string[] | undefined;
  readonly onePer?: Selection['one_per'];
  /** `mean`, or a number. */
  readonly volume?: string | undefined;
  readonly nan?: Selection['nan'];
  /** Path of a table, from the current folder or from the data set. */
  readonly labels?: string | undefined;
  readonly labelColumn?: string | undefined;
  /** Path of a YAML or JSON file. */
  readonly labelMap?: string | undefined;
  readonly ignoreCase?: boolean | undefined;
  readonly groupColumn?: string | undefined;
}

export interface ReadSelection {
  /** Undefined where no option says anything. */
  readonly selection: Selection | undefined;
  /** The file of `labelMap`. */
  readonly map: YamlSource | undefined;
}

/** @throws NF_SELECT_FILTER, NF_SELECT_OPTION, NF_SELECT_MAP_YAML and NF_SELECT_LABEL_MAP with the line, NF_PATH_MISSING */
export async function readSelectionOptions(
  bidsRoot: string,
  options: SelectionOptions,
): Promise<ReadSelection> {
  const map = options.labelMap === undefined ? undefined : await readLabels(options.labelMap);
  const { filter = [], volume, labels } = options;
  const written = {
    suffix: options.suffix,
    channels: options.channel?.map(parseChannel),
    incomplete: options.incomplete,
    filter: filter.length === 0 ? undefined : parseFilter(filter.join(',')),
    one_per: options.onePer,
    volume: volume === undefined || volume === 'mean' ? volume : volumeNumber(volume),
    nan: options.nan,
    labels: labels === undefined ? undefined : tableName(bidsRoot, labels),
    label_column: options.labelColumn,
    label_map: map?.labels,
    ignore_case: options.ignoreCase,
    group_column: options.groupColumn,
  };
  const checked = selectionSchema.safeParse(JSON.parse(JSON.stringify(written)));
  if (!checked.success) throw optionFault(checked.error.issues[0], written, filter.join(','));
  const selection = withoutDefaults(checked.data);
  return { selection: isDefault(selection) ? undefined : selection, map: map?.source };
}

/** One of two: a table of the data set by its name there, or a file by its path. */
function tableName(bidsRoot: string, labels: string): string {
  const isInside =
    labels === 'participants.tsv' || labels === 'sessions.tsv' || labels.startsWith('phenotype/');
  return isInside ? labels : tableInDataset(bidsRoot, labels);
}

function volumeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw flError('NF_SELECT_OPTION', {
    flag: 'volume',
    value: text,
    detail: 'mean or a number from 0 is wanted',
  });
}

/** `T1w,ce=gad|`: a suffix, and a filter behind it. @throws NF_SELECT_FILTER */
function parseChannel(text: string) {
  const [suffix = '', ...filter] = text.split(',');
  return { suffix: suffix.trim(), ...(filter.length > 0 && { filter: parseFilter(filter.join(',')) }) };
}

/** `ses=preop,ce=gad|` as a map from entities to values. @throws NF_SELECT_FILTER */
function parseFilter(text: string): Record<string, (string | null)[]> {
  const filter = new Map<string, (string | null)[]>();
  for (const part of text.split(',')) {
    const [, entity, values] = /^\s*([0-9A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (entity === undefined || values === undefined) {
      throw flError('NF_SELECT_FILTER', { text, detail: `'${part}' is not ENTITY=VALUE` });
    }
    if (filter.has(entity)) throw flError('NF_SELECT_FILTER', { text, detail: `'${entity}' stands twice` });
    const plain = values.split('|').map((value) => value.trim().replace(new RegExp(`^${entity}-`), ''));
    filter.set(
      entity,
      plain.map((value) => (value === '' ? null : value)),
    );
  }
  return Object.fromEntries(filter);
}

function optionFault(
  issue: Parameters<typeof issueText>[0] | undefined,
  written: Readonly<Record<string, unknown>>,
  filter: string,
) {
  const [key = 'suffix', entity] = (issue?.path ?? []).map(String);
  const detail = issue ? issueText(issue) : 'it cannot be used';
  if (key === 'filter') {
    const what = entity === undefined ? detail : `'${entity}' ${detail}`;
    return flError('NF_SELECT_FILTER', { text: filter, detail: what.replace(/\.$/, '') });
  }
  const flag = key === 'channels' ? 'channel' : key.replaceAll('_', '-');
  const params = { flag, value: valueText(written[key]), detail };
  return flError('NF_SELECT_OPTION', params);
}

function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function readLabels(file: string) {
  const source = await readMapFile(file);
  const labels = checkYaml(labelMapSchema, source, { code: 'NF_SELECT_LABEL_MAP', what: 'the file' });
  return { source, labels };
}

/** A key of the map that no row has is a slip, where the whole data set is at hand. @throws NF_SELECT_MAP_KEY with its line */
export function requireUsedKeys({ labels, selection }: Subjects, map: YamlSource | undefined): void {
  if (!map || !labels || !selection.label_map) return;
  const fold = (text: string) => classText(text, selection);
  const values = labels.values.map(({ value }) => cleanText(value));
  const known = new Set(values.map(fold));
  const key = Object.keys(selection.label_map).find((one) => !known.has(fold(one)));
  if (key === undefined) return;
  const params = {
    key,
    column: labels.column,
    nearest: didYouMean(key, values),
    values: [...new Set(values)].map((value) => `'${value}'`).join(', '),
  };
  throw flError('NF_SELECT_MAP_KEY', params, { place: map.place([key], { key: true }) });
}
