import { resolve } from 'node:path';
import { flError } from '../../runtime/base/errors/errors.ts';
import { compareSites } from '../../runtime/base/site-order.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { pathInJob } from '../../runtime/job/definition.ts';
import { jobYaml } from '../../runtime/job/job-yaml.ts';
import { assignRunners, type Runners } from './assign-runners.ts';
import { BuiltModel, type FedJobOptions, type InitialParams, type TaskResultFilter } from './components.ts';
import { placeIn } from './gather-files.ts';
import type { Workflow } from './workflows.ts';

/** Everything a job was given. */
export interface JobParts {
  readonly options: FedJobOptions;
  readonly workflow: Workflow | undefined;
  readonly model: InitialParams | BuiltModel | undefined;
  readonly runners: Runners;
  readonly filters: readonly TaskResultFilter[];
}

/** Where the files of the job are, and where its definition will be: paths to data are told from there. */
export interface Folders {
  readonly files: string;
  readonly definition: string;
}

/** The job.yaml of a job; whether it is right, its reader says. @throws NF_FEDJOB_RUNNERS, NF_FEDJOB_SITES */
export function writeDefinition(
  { options, workflow, model, runners, filters }: JobParts,
  folders: Folders,
): string {
  const assigned = assignRunners(runners);
  const { name, description, data, resources, seed, secureAggregation } = options;
  const there = (path: string) => pathInJob(path, folders.definition);
  return jobYaml({
    version: 1,
    name,
    description,
    workflow: workflow && {
      type: workflow.type,
      ...snakeCased(workflow.options),
      n_clients: clientsOf(workflow, runners),
    },
    executor: assigned && {
      type: 'script',
      train_script: placeIn(folders.files, resolve(assigned.runner.options.script)),
      framework: assigned.runner.options.framework,
      args: assigned.args,
      task_timeout: assigned.runner.options.taskTimeout,
    },
    model: model && writtenModel(model, there),
    data: data && {
      ...data,
      root: there(data.root),
      split: data.split === undefined ? undefined : there(data.split),
    },
    resources: resources && snakeCased(resources),
    seed,
    task_result_filters:
      filters.length > 0
        ? filters.map(({ name: filter, options: own }) => ({ name: filter, ...snakeCased(own) }))
        : undefined,
    secure_aggregation: secureAggregation && snakeCased(secureAggregation),
    sites: assigned && writtenSites(assigned.siteArgs, runners),
  });
}

/** With a runner for each site and none for all, these are the sites. */
function clientsOf({ options: { numClients } }: Workflow, { ofAll, bySite }: Runners): number | undefined {
  if (ofAll) return numClients;
  if (numClients !== undefined && bySite.size > 0 && numClients !== bySite.size) {
    const sites = [...bySite.keys()].sort(compareSites).join(', ');
    throw flError('NF_FEDJOB_SITES', { sites, clients: counted(numClients, 'client') });
  }
  return numClients ?? (bySite.size || undefined);
}

/** Sites by number need no mention, unless they differ; others are named, so that a run without them is refused. */
function writtenSites(
  siteArgs: Readonly<Record<string, object>>,
  { ofAll, bySite }: Runners,
): object | undefined {
  const named = Object.entries(siteArgs).filter(
    ([site, args]) => Object.keys(args).length > 0 || !isNumbered(site, ofAll ? Infinity : bySite.size),
  );
  if (named.length === 0) return undefined;
  return Object.fromEntries(named.map(([site, args]) => [site, { args }]));
}

function isNumbered(site: string, count: number): boolean {
  const number = /^site-([1-9]\d*)$/.exec(site)?.[1];
  return number !== undefined && Number(number) <= count;
}

function writtenModel(model: InitialParams | BuiltModel, there: (path: string) => string): object {
  if (model instanceof BuiltModel) {
    const { import: from } = model.spec;
    return { ...model.spec, ...(typeof from === 'string' && { import: there(from) }) };
  }
  const { params } = model;
  if (typeof params === 'string') return { initial_params: there(params) };
  const arrays = Object.entries(params).map(([name, array]) => {
    const isBare = typeof array === 'number' || Array.isArray(array);
    return [name, isBare ? { data: array } : array];
  });
  return { initial_params: Object.fromEntries(arrays) };
}

/** Names of nvflare and of the job file that are not each other's spelling. */
const RENAMED: Readonly<Record<string, string>> = { num_clients: 'n_clients' };

/** Keys as the job file spells them; those it does not know reach its reader, who names the nearest. */
function snakeCased(options: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [RENAMED[snake] ?? snake, value];
    }),
  );
}
