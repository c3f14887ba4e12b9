import { z } from 'zod';
import { issueText } from '../../base/errors/issue-text.ts';
import { optionError } from '../check-option.ts';

const name = z.string().min(1).max(200);

const columnSchema = z.union([
  z.strictObject({ values: z.array(name).min(2).max(100) }),
  z
    .strictObject({
      from: z.number().min(-1e15),
      to: z.number().max(1e15),
      bins: z.int().min(1).max(100).default(20),
    })
    .refine(({ from, to }) => from < to, 'must have from below to'),
]);

/** A column of which a site tells: by its declared values, or as numbers in a declared range. */
export interface ColumnOf {
  readonly name: string;
  readonly values?: readonly string[];
  readonly range?: { readonly from: number; readonly to: number; readonly bins: number };
}

/** @throws NF_TRAIN_OPTION */
export function checkColumns(columns: unknown = {}): ColumnOf[] {
  const found = z.record(name, columnSchema).safeParse(columns);
  if (!found.success) {
    const [issue] = found.error.issues;
    const wanted = 'columns by name, each with from and to, or with values';
    throw optionError('columns', columns, issue ? `${wanted}: ${issueText(issue)}` : wanted);
  }
  return Object.entries(found.data).map(([column, rule]) =>
    'values' in rule ? { name: column, values: rule.values } : { name: column, range: rule },
  );
}
