import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isEvaluationTask } from '../../../algorithms/evaluation/tasks.ts';
import { HARMONISE_TASKS, harmoniseTaskOf } from '../../../algorithms/harmonisation/tasks.ts';
import { isArrays } from '../../../algorithms/task.ts';
import { flError } from '../../../base/errors/errors.ts';
import { sum } from '../../../base/sum.ts';
import { elementCount, type ParamSet, paramNames } from '../../../base/tensors/nd-array.ts';
import { updateSize } from '../../../base/tensors/packed/form.ts';
import { counted } from '../../../base/text/counted.ts';
import { firstOf } from '../../../base/text/first-of.ts';
import { initialModel } from '../../../federation/initial-model.ts';
import { filesOf, loadSubmittedJob } from '../../../federation/submitted-job.ts';
import { isCrossSite } from '../../../job/cross-site.ts';
import { type JobDefinition, NETWORK_TYPE, type WorkflowDefinition } from '../../../job/definition.ts';
import { harmonisationOf } from '../../../job/harmonisation.ts';
import { LOCAL_FILES } from '../../../job/job-paths.ts';
import { loadJob } from '../../../job/load.ts';
import { localNames, sharedNames } from '../../../job/local-tensors.ts';
import { modelApart } from '../../../job/model-apart.ts';
import { exclusionOf, type ResultFilterSpec } from '../../../job/result-filters.ts';
import { hasOwnModels, tasksOf } from '../../../job/workflow-tasks.ts';
import { MOST_OF_PLACE, MOST_OF_REPORT } from '../../../network/messages/fit-report.ts';
import type { SitePolicy } from '../../../security/policy/site-policy.ts';
import type { ClientFolder } from '../memory/client-folder.ts';
import { EGRESS_KINDS, type EgressKind } from './egress-ledger.ts';
import { protectionOf } from './protection.ts';

/** What would leave this site if it took part in a job. */
export const egressPlanSchema = z.object({
  job: z.string(),
  code_sha256: z.string(),
  rounds: z.int(),
  arrays: z.array(z.object({ name: z.string(), dtype: z.string(), shape: z.array(z.int()) })),
  filters: z
    .array(z.object({ of: z.enum(['job', 'site']), name: z.string(), options: z.string() }))
    .describe('what is done to an update before it leaves, in this order'),
  parts: z.array(
    z.object({
      what: z.string(),
      content: z.string(),
      requests: z.string().describe('how often'),
      bytes: z.int().nullable().describe('in all, at most; null where time, or the number of sites, decides'),
      protected_by: z
        .string()
        .nullable()
        .describe('what protects people in it: the noise of a private job, or masks; null: nothing does'),
    }),
  ),
  goes_on: z.array(z.string()).describe('what the server gives to other sites'),
  keeps: z.array(z.string()).describe('what stays at the site'),
});
export type EgressPlan = z.output<typeof egressPlanSchema>;

/** Around the figures of a task: round, seconds, engine, digests. */
const FRAME_BYTES = 3_000;
/** Of one figure as a sum with its weight, beside its name. */
const SUM_BYTES = 80;
/** Of a failure around its message: hint of the catalogue, place, lines of the job's own code. */
const FAILURE_BYTES = 24_000;
/** That JSON may need for a character. */
const CHARACTER_BYTES = 6;
/** Of what else a failure tells where the logs of jobs may leave, too. */
const TOLD_CHARACTERS = Object.values({ ...MOST_OF_REPORT, ...MOST_OF_PLACE, message: 0 }).reduce(
  (all, most) => all + most,
);

/**
 * Reads a job without running it. `job` is a folder, or the id of a job that was offered to this client.
 * @throws NF_JOB_* of a job that cannot be read
 */
export async function planEgress(
  job: string,
  { folder, policy }: { folder: ClientFolder; policy: SitePolicy },
): Promise<EgressPlan> {
  const path = await jobFolder(job, folder);
  const apart = await modelApart(await loadJob(path));
  const { job: loaded, bundle } = await loadSubmittedJob(path, {
    modelComesApart: apart !== undefined,
    mostModelBytes: LOCAL_FILES.mostBytes,
  });
  const { definition } = loaded;
  // An offered job is the server's word: its paths are not this user's.
  const rules = path === job ? LOCAL_FILES : filesOf(path, LOCAL_FILES.mostBytes);
  const params = await initialModel({ ...definition, model: namedAlike(definition.model) }, rules);
  const rounds = definition.workflow.numRounds;
  const { packing } = definition;
  const filters = filtersOf(definition.resultFilters, policy.task_result_filters);
  const shared = sharedNames(definition.workflow, paramNames(params));
  const local = localNames(definition.workflow, paramNames(params));
  const [leaving, staying] = parted(shared, filters);
  const sent = Object.fromEntries(leaving.flatMap((name) => (params[name] ? [[name, params[name]]] : [])));
  const update = updateSize(sent, packing);
  const files = arrayFiles(definition);
  const of = files.length > 1 ? ` in each of ${files.join(', ')}` : '';
  const { figures, failures } = mostBytes(policy, answersOf(definition.workflow));
  const goesOn = isCrossSite(definition.workflow);
  const sums = [...harmonisationParts(definition.workflow), ...evaluationParts(definition.workflow, policy)];
  const others = ownAnswers(definition.workflow) - (rounds + 1) - sums.length;
  const elements = leaving.reduce((sum, name) => sum + elementCount(params[name]?.shape ?? []), 0);
  return {
    job: definition.name,
    code_sha256: bundle.codeSha256,
    rounds,
    filters: [...filters, ...(packing ? [{ owner: 'job', spec: packing } as const] : [])].map(
      ({ owner, spec: { name, ...options } }) => ({
        of: owner,
        name,
        options: JSON.stringify(options),
      }),
    ),
    arrays: leaving.map((name) => arrayOf(name, params)),
    parts: [
      leaving.length > 0
        ? part(
            definition.secureAggregation ? 'masked update' : 'update',
            `once in each of ${counted(rounds, 'round')}, ${counted(elements, 'number')}${of}`,
            rounds * (definition.secureAggregation ? wordsSize(sent) : update) * files.length,
          )
        : part('update', 'never: filters exclude all arrays, and the tasks fail', 0),
      ...secureParts(definition),
      part(
        'figures',
        `once in each of ${counted(rounds + 1, 'round')}${goesOn ? ' and once for the model of each site' : ''}${others > 0 ? `, and ${counted(others, 'time')} for other models that it scores or trains` : ''}, ${counted(policy.max_figures, 'name')} at most`,
        figures,
      ),
      ...sums,
      part('decision', 'once', null),
      part('signs of life', 'every few seconds', null),
      part('progress', 'at most once a second while a task runs', null),
      part('failure', 'in place of the above when a task fails', failures),
      ...(policy.send_logs && !definition.privacy
        ? [part('log', 'every second in which scripts print', null)]
        : []),
    ].map((one) => ({ ...one, protected_by: protectionOf(one.what, definition.privacy) })),
    goes_on: goesOnOf(definition.workflow),
    keeps: keepsOf(policy, { local, staying, hasOwn: hasOwnModels(definition.workflow) }),
  };
}

/** A model of the same names and shapes: an imported one may have come apart from the job. */
function namedAlike(model: JobDefinition['model']): JobDefinition['model'] {
  if (model.kind !== 'built' || model.spec.type === NETWORK_TYPE) return model;
  return { kind: 'built', spec: model.spec };
}

/** What a training task brings, each with arrays of the model: `model`, and what the workflow asks for beside it. */
function arrayFiles(job: JobDefinition): string[] {
  const { answer = {} } = tasksOf(job).train ?? {};
  return Object.entries(answer).flatMap(([name, { form }]) => (isArrays(form) ? [name] : []));
}

/** An update as words of 32 bits, in bytes. */
function wordsSize(params: ParamSet): number {
  const words = Object.entries(params).map(([name, { shape }]) => [name, { dtype: 'int32', shape }] as const);
  return updateSize(Object.fromEntries(words), undefined);
}

/** What leaves around an update whose sum alone is opened. */
function secureParts({ secureAggregation: secure, workflow: { numRounds } }: JobDefinition): Part[] {
  if (!secure) return [];
  const often = `once in each of ${counted(numRounds, 'round')}`;
  const kinds = [
    'keys',
    'shares',
    ...(secure.consistency ? (['agreement'] as const) : []),
    'unmasking',
  ] as const;
  return kinds.map((what) => part(what, often, null));
}

/** What the server gives to other sites. */
function goesOnOf(workflow: WorkflowDefinition): string[] {
  const model =
    'to all other sites, to be scored there: the model of this site in the last round (workflow.cross_site_evaluation)';
  const effects =
    'to all other sites: by how much the greys of this site differ from those of all (workflow.harmonisation)';
  return [
    ...(isCrossSite(workflow) ? [model] : []),
    ...(harmonisationOf(workflow) === 'combat' ? [effects] : []),
  ];
}

/** Sums that leave before the first training. */
function harmonisationParts(workflow: WorkflowDefinition): Part[] {
  const method = harmonisationOf(workflow);
  if (method === undefined) return [];
  const { most } = HARMONISE_TASKS[harmoniseTaskOf(method)].values.sums;
  return [part('harmonisation', 'once, before the first training', most + FRAME_BYTES)];
}

/** Sums of a model on the test images, held to the same size as figures. */
function evaluationParts(workflow: WorkflowDefinition, policy: SitePolicy): Part[] {
  const tasks = Object.keys(tasksOf({ workflow, packing: undefined })).filter(isEvaluationTask);
  return tasks.map((task) => part('evaluation', `once, in the task ${task}`, bytesOfReport(policy)));
}

/** Figures of a task, at most. Names and counts are said twice: in the report, and in the sums that follow from it. */
function bytesOfReport(policy: SitePolicy): number {
  return Math.round(2 * policy.max_figures_kb * 1000 + policy.max_figures * SUM_BYTES + FRAME_BYTES);
}

/** What stays at the site; `local` and `staying` are names of arrays. */
function keepsOf(
  policy: SitePolicy,
  {
    local,
    staying,
    hasOwn,
  }: { readonly local: readonly string[]; readonly staying: readonly string[]; readonly hasOwn: boolean },
): string[] {
  return [
    'images, tables and everything else in the data folder, unless the script puts it into its metrics or parameters',
    'what the script keeps with flare.saveState: of it the digest leaves',
    ...(local.length > 0
      ? [`arrays that are the site's own (workflow.local_tensors): ${firstOf(local)}`]
      : []),
    ...(hasOwn ? ["models of the site's own, and which of them it ends with; figures of them leave"] : []),
    ...(staying.length > 0 ? [`arrays that filters exclude: ${firstOf(staying)}`] : []),
    ...(policy.image_profile
      ? []
      : ['sums over training pictures (image_profile is false in local/site-policy.yml)']),
    ...(policy.send_logs ? [] : ['what scripts print (send_logs is false in local/site-policy.yml)']),
  ];
}

/** Tasks of a site; undefined where that depends on how many sites take part. */
function answersOf({ clients, ...workflow }: WorkflowDefinition): number | undefined {
  const own = ownAnswers(workflow);
  if (!isCrossSite(workflow)) return own;
  return clients === undefined ? undefined : own + clients;
}

/** Those that are not about the models of the sites. */
function ownAnswers({ numRounds, ...workflow }: Omit<WorkflowDefinition, 'clients'>): number {
  const counts = Object.values(tasksOf({ workflow, packing: undefined })).map(
    ({ when, isAbout, isFirst }) => {
      const each = isAbout === true ? 0 : (isAbout?.length ?? 1);
      return when === 'training' && !isFirst ? numRounds * each : each;
    },
  );
  return sum(counts);
}

/** Of all figures, and of all failures, if each task had one. */
function mostBytes(
  policy: SitePolicy,
  answers: number | undefined,
): { figures: number | null; failures: number | null } {
  if (answers === undefined) return { figures: null, failures: null };
  const message = Math.min(policy.max_failure_characters, MOST_OF_REPORT.message);
  const told = policy.send_logs ? TOLD_CHARACTERS : 0;
  const failure = CHARACTER_BYTES * (message + told) + FAILURE_BYTES;
  return {
    figures: answers * bytesOfReport(policy),
    failures: answers * failure,
  };
}

function arrayOf(name: string, params: ParamSet): EgressPlan['arrays'][number] {
  const { dtype = 'float32', shape = [] } = params[name] ?? {};
  return { name, dtype, shape: [...shape] };
}

interface OwnedFilter {
  readonly owner: 'job' | 'site';
  readonly spec: ResultFilterSpec;
}

function filtersOf(job: readonly ResultFilterSpec[], site: readonly ResultFilterSpec[]): OwnedFilter[] {
  return [
    ...job.map((spec) => ({ owner: 'job', spec }) as const),
    ...site.map((spec) => ({ owner: 'site', spec }) as const),
  ];
}

/** Arrays that leave, and those that do not. */
function parted(names: readonly string[], filters: readonly OwnedFilter[]): [string[], string[]] {
  const excluded = filters.flatMap(({ spec }) => (spec.name === 'exclude_vars' ? [exclusionOf(spec)] : []));
  const stays = (name: string) => excluded.some((isExcluded) => isExcluded(name));
  return [names.filter((name) => !stays(name)), names.filter(stays)];
}

/** A line, before it is known what protects it. */
type Part = Omit<EgressPlan['parts'][number], 'what' | 'protected_by'> & { readonly what: EgressKind };

function part(what: EgressKind, requests: string, bytes: number | null): Part {
  return { what, content: EGRESS_KINDS[what], requests, bytes };
}

async function jobFolder(job: string, folder: ClientFolder): Promise<string> {
  if (await stat(job).catch(() => undefined)) return job;
  const offered = join(folder.job(job).root, 'bundle');
  if (/^[0-9a-f-]{36}$/.test(job) && (await stat(offered).catch(() => undefined))) return offered;
  throw flError('NF_JOB_NOT_FOUND', { path: job, reason: 'it is neither a folder nor a job at this site' });
}
