import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { type FileRule, partsOfTask, type TaskForm } from '../../../algorithms/task.ts';
import { sha256File } from '../../../base/digest.ts';
import type { ErrorRow } from '../../../base/errors/catalog/row.ts';
import { ERROR_CATALOG } from '../../../base/errors/catalog.ts';
import {
  type ErrorReport,
  flError,
  isErrorCode,
  NeuroflareError,
  type Place,
} from '../../../base/errors/errors.ts';
import { sourceExcerpt } from '../../../base/errors/source-excerpt.ts';
import { ANSWER_LIMITS } from '../../../base/limits.ts';
import { counted } from '../../../base/text/counted.ts';
import { textInGeneral } from '../../../base/text/fill-text.ts';
import { fitReport } from '../../../network/messages/fit-report.ts';
import { withoutProfile } from '../../../run/image-profile.ts';
import { requireFileForm } from '../../../run/task-file.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import { withoutSitePaths } from '../memory/site-paths.ts';
import type { Outbox } from '../tasks/outbox.ts';

/** What a site lets out of the answer to a task. */
export interface OutgoingRules {
  readonly policy: SitePolicy;
  /** Texts of the job file: they are known outside. */
  readonly known: ReadonlySet<string>;
  readonly folder: SiteJobFolder;
  readonly site: string;
  /** Of a private job nothing is told in words of a script. */
  readonly isPrivate?: boolean;
  /** What the job's workflow may ask for. */
  readonly tasks: Readonly<Record<string, TaskForm>>;
}

type Answer = Outbox['answer'];

/** The answer as it may leave: the same, or a failure that says what of it may not. */
export async function outgoing(outbox: Outbox, rules: OutgoingRules): Promise<Answer> {
  const { answer } = outbox;
  if ('failure' in answer)
    return { failure: { ...answer.failure, error: failureOf(answer.failure.error as ErrorReport, rules) } };
  try {
    const { metrics } = answer.result;
    // One beside the other: a value must not hide a figure of its name.
    const own = toldByScript(answer.result, rules);
    requireFigures(own ? [metrics, own] : [metrics], rules);
    await requireFiles(outbox, answer, rules);
    return withoutImageProfile(answer, rules);
  } catch (thrown) {
    if (!(thrown instanceof NeuroflareError)) throw thrown;
    const { task, attempt } = answer.result;
    const { round } = partsOfTask(task);
    const error = failureOf({ ...thrown.report(), place: { site: rules.site, round } }, rules);
    return { failure: { task, attempt, error } };
  }
}

/** Of the values those that a script has chosen. */
function toldByScript(
  { task, values }: Extract<Answer, { result: unknown }>['result'],
  { tasks }: OutgoingRules,
): Readonly<Record<string, unknown>> | undefined {
  const { values: rules = {} } = tasks[partsOfTask(task).name] ?? {};
  return (
    values && Object.fromEntries(Object.entries(values).filter(([name]) => rules[name]?.by !== 'client'))
  );
}

/** It is of use where many sites have it; a task does not fail for it. */
function withoutImageProfile(
  answer: Extract<Answer, { result: unknown }>,
  { policy }: OutgoingRules,
): Extract<Answer, { result: unknown }> {
  const { result } = answer;
  const least = policy.image_profile ? policy.least_people : undefined;
  const metrics = withoutProfile(result.metrics, least);
  return metrics === result.metrics ? answer : { ...answer, result: { ...result, metrics } };
}

const LONGEST_NAME = ANSWER_LIMITS.figure_name.most;
/** What an own report says of a figure that is none (`checkFigures`) or that the data do not define. */
const REASON = /^(?:NaN|-?Infinity|no examples)$|^no example of (.+)$/;

/** Their sums (`statistics`) follow from them and say nothing more. */
function requireFigures(
  reports: readonly Readonly<Record<string, unknown>>[],
  { policy, known }: OutgoingRules,
): void {
  const size = reports.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)), 0) / 1000;
  if (size > policy.max_figures_kb)
    throw tooMuch(`they have ${size.toFixed(1)} kB, ${policy.max_figures_kb} may leave`);
  let names = 0;
  const look = (path: string, value: unknown): void => {
    if (typeof value === 'string' && !policy.figures_text && !isKnown(value, known))
      throw tooMuch(`'${path.slice(0, LONGEST_NAME)}' is a text`);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      if (!Array.isArray(value)) names += 1;
      if (names > policy.max_figures)
        throw tooMuch(`they have more than ${counted(policy.max_figures, 'name')}`);
      if (key.length > LONGEST_NAME) throw tooMuch(`a name has more than ${LONGEST_NAME} characters`);
      if (Array.isArray(value)) look(`${path}[${key}]`, item);
      else look(path === '' ? key : `${path}.${key}`, item);
    }
  };
  for (const report of reports) look('', report);
}

function isKnown(text: string, known: ReadonlySet<string>): boolean {
  const reason = REASON.exec(text);
  return (
    known.has(text) ||
    (reason !== null && (reason[1] ?? '').split(', ').every((name) => name === '' || known.has(name)))
  );
}

/**
 * Of files leave what the task asks for: arrays of the model it answers to, all but those that filters kept here, in the one form they can
 * have; of other files so many bytes; and of each the bytes it was named by.
 */
async function requireFiles(
  { model_sha256: model }: Outbox,
  { result, files }: Extract<Answer, { result: unknown }>,
  { folder, tasks }: OutgoingRules,
): Promise<void> {
  const { task, files: named } = result;
  const { answer = {} } = tasks[partsOfTask(task).name] ?? {};
  for (const [name, path] of Object.entries(files)) {
    const rule = answer[name];
    if (!rule) throw flError('NF_PAYLOAD_UNKNOWN', { file: name, task });
    const mayLack: FileRule = rule.form === 'like:model' ? { ...rule, form: 'subset:model' } : rule;
    await requireFileForm({ path, model: folder.model(model), rule: mayLack, name, task });
    if ((await stat(path)).size !== named[name]?.size)
      throw flError('NF_SITE_UPDATE', { reason: 'it has another size than when it was taken' });
    if ((await sha256File(path)) !== named[name]?.sha256)
      throw flError('NF_SITE_UPDATE', { reason: 'its SHA-256 is another than the script says' });
  }
}

function tooMuch(reason: string) {
  return flError('NF_SITE_FIGURES', { reason });
}

/** A failure as it may leave: what a script says of it is its message and place, and the rest the catalogue's. */
export function failureOf(error: ErrorReport, rules: OutgoingRules): ErrorReport {
  const { policy } = rules;
  const code =
    isErrorCode(error.code) && error.code !== 'NF_REPORTED_FAILURE' ? error.code : 'NF_SCRIPT_FAILED';
  const row: ErrorRow = ERROR_CATALOG[code];
  const own = { code, exitCode: row.exit };
  const { isPrivate = false } = rules;
  if (policy.send_logs && !isPrivate)
    return fitReport({ ...error, ...own, message: error.message.slice(0, policy.max_failure_characters) });
  const isOwn = (path: string) => ownFile(path, rules) !== undefined;
  return fitReport({
    ...own,
    message: isPrivate
      ? closedText(row)
      : withoutSitePaths(error, isOwn).message.slice(0, policy.max_failure_characters),
    // What its words stand for would be the script's choice.
    hint: textInGeneral(row.hint),
    ...(error.place && { place: placeOf(error.place, rules) }),
  });
}

/** The words of the catalogue, without those that would be filled in: they may speak of people. */
function closedText({ message }: ErrorRow): string {
  const text = textInGeneral(message);
  return /^\{\w+\}\.?$/.test(text) ? 'The script failed.' : text;
}

/** Its path in the job, where it is a file of the job. */
function ownFile(file: string, { folder }: Pick<OutgoingRules, 'folder'>): string | undefined {
  const path = isAbsolute(file) ? '..' : normalize(file);
  return path.startsWith('..') || !isFile(join(folder.bundle, path)) ? undefined : path;
}

/** A line of the job's own code is known outside: its text is read here, whatever the script says that it is. */
function placeOf({ site, round, file, line, column }: Place, { folder }: OutgoingRules): Place {
  const where = { ...(site !== undefined && { site }), ...(round !== undefined && { round }) };
  const path = file === undefined ? undefined : ownFile(file, { folder });
  if (path === undefined) return where;
  const text = readFileSync(join(folder.bundle, path), 'utf8');
  const lines = text.split('\n');
  if (line === undefined || !isWithin(line, lines.length)) return { ...where, file: path };
  const isThere = column !== undefined && isWithin(column, (lines[line - 1] ?? '').length + 1);
  const at = { line, ...(isThere && { column }) };
  return { ...where, file: path, ...at, excerpt: sourceExcerpt(text, at) };
}

function isFile(path: string): boolean {
  return existsSync(path) && lstatSync(path).isFile();
}

/** Whether a place counted from 1 is one of so many. */
function isWithin(place: number, most: number): boolean {
  return Number.isInteger(place) && place >= 1 && place <= most;
}

/** All texts of a job file, at any depth. */
export function textsOf(value: unknown): Set<string> {
  const texts = new Set<string>();
  const look = (one: unknown): void => {
    if (typeof one === 'string') texts.add(one);
    else if (typeof one === 'object' && one !== null) for (const item of Object.values(one)) look(item);
  };
  look(value);
  return texts;
}
