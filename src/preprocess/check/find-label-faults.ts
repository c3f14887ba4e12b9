import { cleanText, isUnknown } from '../select/label-text.ts';
import { linesOf } from '../select/label-values.ts';
import type { Subjects } from '../select/read-subjects.ts';
import { type Finding, finding } from './finding.ts';

/** What is odd about the column of labels, with the lines: values that differ by blanks, quotes or case, words for "not known". */
export function findLabelFaults({ labels, selection }: Subjects): Finding[] {
  if (!labels) return [];
  const { column, values } = labels;
  const at = (cells: (typeof values)[number]['cells']) => {
    const [first] = cells;
    return { place: { ...(first && { file: first.file, line: first.line }), key: column } };
  };
  const known = (text: string) => selection.label_map !== undefined && text in selection.label_map;
  const unclean = values.filter(({ value }) => value !== cleanText(value));
  const unknown = values.filter(
    ({ value, label }) => label === null && isUnknown(cleanText(value)) && !known(value),
  );
  const labelled = selection.label_map ? [] : values.filter(({ label }) => label !== null);
  const spellings = [...Map.groupBy(labelled, ({ label }) => label?.toLowerCase()).values()].filter(
    (own) => new Set(own.map(({ label }) => label)).size > 1,
  );
  return [
    ...unclean.map(({ value, label, cells }) => {
      const params = { value, lines: linesOf(cells), label: label ?? 'n/a' };
      return finding('warning', 'NF_CHECK_LABEL_BLANKS', { params, ...at(cells) });
    }),
    ...unknown.map(({ value, cells }) => {
      return finding('warning', 'NF_CHECK_LABEL_UNKNOWN', {
        params: { value, lines: linesOf(cells) },
        ...at(cells),
      });
    }),
    ...spellings.map((own) => {
      const named = own.map(({ label, cells }) => `'${label}' (${linesOf(cells)})`).join(' and ');
      return finding('warning', 'NF_CHECK_LABEL_CASE', {
        params: { labels: named },
        ...at(own[0]?.cells ?? []),
      });
    }),
  ];
}
