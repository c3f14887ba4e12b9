import { partsOfTask, seedOfTask, type TaskForm, type TaskKey, wrongAbout } from '../algorithms/task.ts';
import type { TaskSpec } from '../algorithms/workflow.ts';
import { flError } from '../base/errors/errors.ts';
import { firstOf } from '../base/text/first-of.ts';
import type { FileRef, Files, Payload } from '../run/events.ts';
import type { RunHistory } from '../run/history.ts';
import type { SiteTask } from './channel.ts';
import type { CoordinatorRules } from './coordinator-rules.ts';

type Tasks = Pick<CoordinatorRules, 'tasks'>;

/** @throws NF_WORKFLOW_TASK of one that the workflow does not declare */
function formOf(key: TaskKey, { tasks }: Tasks): TaskForm {
  const { name, round, about } = key;
  const form = tasks[name];
  const refuse = (reason: string) => flError('NF_WORKFLOW_TASK', { name, round, reason });
  if (!form) throw refuse(`it declares ${firstOf(Object.keys(tasks))}`);
  if (about !== undefined && !form.isAbout)
    throw refuse(`it is about ${about}, and declared without 'isAbout'`);
  const wrong = Array.isArray(form.isAbout) ? wrongAbout(key, form) : undefined;
  if (wrong !== undefined) throw refuse(wrong);
  return form;
}

/** Of what the workflow gives those files that its task is declared to begin with. @throws NF_WORKFLOW_TASK, NF_PAYLOAD_MISSING */
function declared(key: TaskKey, { model, ...given }: Payload, rules: Tasks): Payload {
  const { name, round } = key;
  const { inputs = {} } = formOf(key, rules);
  const files: Record<string, FileRef> = {};
  for (const [file, { optional }] of Object.entries(inputs)) {
    const found = given[file];
    if (found) files[file] = found;
    else if (!optional) throw flError('NF_PAYLOAD_MISSING', { file, task: `${name}/${round}` });
  }
  return { ...files, model };
}

/** The task as its channel carries it. */
export function siteTask(
  id: string,
  inputs: Payload,
  { rules, history }: { readonly rules: CoordinatorRules; readonly history: RunHistory },
): SiteTask {
  const parts = partsOfTask(id);
  const state = stateOf(history, parts.site);
  return {
    ...parts,
    id,
    totalRounds: rules.numRounds,
    seed: seedOfTask({ seed: rules.seed, name: rules.jobName }, parts),
    inputs,
    form: formOf(parts, rules),
    ...(state && { state }),
  };
}

/** What sites are given in one exchange: what is the same for all of them is said once. */
export interface ExchangeInputs {
  readonly common: Files;
  readonly own: Readonly<Record<string, Files>> | undefined;
  of(site: string): Payload;
}

/** @throws NF_WORKFLOW_TASK, NF_PAYLOAD_MISSING */
export function inputsOf(
  { inputs: given, ...key }: TaskSpec,
  sites: readonly string[],
  rules: Tasks,
): ExchangeInputs {
  formOf(key, rules);
  const of = (site: string) => declared(key, typeof given === 'function' ? given(site) : given, rules);
  const bySite = sites.map((site) => [site, of(site)] as const);
  const first: Files = bySite[0]?.[1] ?? {};
  const isCommon = (name: string, file: FileRef) =>
    bySite.every(([, one]) => one[name]?.sha256 === file.sha256);
  const common = Object.fromEntries(Object.entries(first).filter(([name, file]) => isCommon(name, file)));
  const own = bySite.map(([site, files]) => {
    const rest = Object.entries(files).filter(([name]) => !common[name]);
    return [site, Object.fromEntries(rest)] as const;
  });
  const differs = own.some(([, files]) => Object.keys(files).length > 0);
  return { common, own: differs ? Object.fromEntries(own) : undefined, of };
}

/** What a site keeps for its next task: of the exchanges of the round at hand count those that are answered. */
function stateOf({ exchanges, states }: RunHistory, site: string): FileRef | undefined {
  const now = exchanges.flatMap(({ accepted, isAnswered }) =>
    accepted.filter((answer) => isAnswered && answer.site === site).flatMap(({ state }) => state ?? []),
  );
  return now.at(-1) ?? states.get(site);
}
