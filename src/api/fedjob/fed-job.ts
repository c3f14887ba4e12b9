import { join } from 'node:path';
import {
  atPlace,
  flError,
  type NeuroflareError,
  toNeuroflareError,
} from '../../runtime/base/errors/errors.ts';
import { writeFileAtomic } from '../../runtime/base/files/files.ts';
import { compareSites } from '../../runtime/base/site-order.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import type { BuiltJob } from '../../runtime/job/built-job.ts';
import { JOB_FILE } from '../../runtime/job/bundle.ts';
import { makeJobFolder } from '../../runtime/job/new-folder.ts';
import type { RunSummary } from '../../runtime/run/run-report.ts';
import {
  BuiltModel,
  type FedJobOptions,
  InitialParams,
  ScriptRunner,
  type ServerComponent,
  type SiteComponent,
  TaskResultFilter,
} from './components.ts';
import { gatherFiles } from './gather-files.ts';
import { checkSimulatorOptions, type SimulatorOptions, toSimulateOptions } from './simulator-options.ts';
import { Workflow } from './workflows.ts';
import { type JobParts, writeDefinition } from './write-definition.ts';

const SERVER = 'server';
/** nvflare's word for every client. */
const ALL_SITES = '@ALL';

/**
 * A federated job that a program puts together, as with nvflare's FedJob; the same as a job folder with its job.yaml,
 * and checked by the same code when it is run or exported.
 */
export class FedJob {
  readonly options: FedJobOptions;
  readonly #runners = new Map<string, ScriptRunner>();
  readonly #filters: TaskResultFilter[] = [];
  readonly #extraFiles: string[] = [];
  #workflow: Workflow | undefined;
  #model: InitialParams | BuiltModel | undefined;

  constructor(options: FedJobOptions) {
    this.options = options;
  }

  /**
   * Gives a workflow or a model to `server`, or a runner to a site. A site's own runner replaces the one of all clients. Filters of
   * results are for all clients, in the order in which they are given.
   * @throws NF_FEDJOB_TARGET
   */
  to(component: ServerComponent | SiteComponent, target: string): void {
    if (component instanceof ScriptRunner) this.#addRunner(component, target);
    else if (component instanceof TaskResultFilter) this.#addFilter(component, target);
    else if (target === SERVER) this.#addToServer(component);
    else throw misplaced(component, target, 'only a ScriptRunner and filters are for sites');
  }

  /** @throws NF_FEDJOB_TARGET */
  toServer(component: ServerComponent): void {
    this.to(component, SERVER);
  }

  /** @throws NF_FEDJOB_TARGET */
  toClients(component: SiteComponent): void {
    this.to(component, ALL_SITES);
  }

  /** A file that scripts read; those that they import are found without. */
  addFileToClients(path: string): void {
    this.#extraFiles.push(path);
  }

  /**
   * Writes a job folder that `job validate`, `simulate` and `job submit` take, with its scripts. The folder appears
   * whole or not at all. Returns its absolute path.
   * @throws NF_JOB_EXISTS, NF_JOB_INVALID, NF_FEDJOB_*
   */
  async exportJob(folder: string): Promise<string> {
    const built = await this.#build(folder);
    const made = await makeJobFolder(folder, async (draft) => {
      await writeFileAtomic(join(draft, JOB_FILE), built.yaml);
      for (const { path, bytes } of built.files) await writeFileAtomic(join(draft, path), bytes);
    }).catch((error: unknown) => {
      throw withoutFile(error);
    });
    return made.folder;
  }

  /**
   * Runs the job on this machine, every site in a thread; the run lies in WORKSPACE/<job>/<run id>/. Returns what
   * `neuroflare simulate --json` has as its data.
   * @throws the first failure of any site, with its file and line
   */
  async simulatorRun(workspace: string, options: SimulatorOptions = {}): Promise<RunSummary> {
    try {
      checkSimulatorOptions(workspace, options);
      this.#requireRunners(options);
      const job = await this.#build();
      const { simulate } = await import('../../runtime/deployment/simulator/simulate.ts');
      return await simulate({ ...toSimulateOptions(workspace, options), job });
    } catch (error) {
      throw withoutFile(error);
    }
  }

  async #build(folder?: string): Promise<BuiltJob> {
    const scripts = [...this.#runners.values()].map(({ options: { script } }) => script);
    const gathered = await gatherFiles([
      ...scripts.map((path) => ({ what: 'Training script', path })),
      ...this.#extraFiles.map((path) => ({ what: 'File of the job', path })),
    ]);
    const definition = folder ?? gathered.folder;
    return {
      ...gathered,
      yaml: writeDefinition(this.#parts(), { files: gathered.folder, definition }),
    };
  }

  #parts(): JobParts {
    const bySite = new Map([...this.#runners].filter(([site]) => site !== ALL_SITES));
    const runners = { ofAll: this.#runners.get(ALL_SITES), bySite };
    const { options } = this;
    return { options, workflow: this.#workflow, model: this.#model, runners, filters: this.#filters };
  }

  #addRunner(runner: ScriptRunner, target: string): void {
    if (target === SERVER) throw misplaced(runner, target, 'it runs at a site');
    if (this.#runners.has(target)) throw misplaced(runner, target, 'there is one already');
    this.#runners.set(target, runner);
  }

  #addFilter(filter: TaskResultFilter, target: string): void {
    if (target !== ALL_SITES) throw misplaced(filter, target, 'it is for all clients');
    this.#filters.push(filter);
  }

  #addToServer(component: ServerComponent): void {
    if (component instanceof Workflow) {
      if (this.#workflow) throw misplaced(component, SERVER, 'there is a workflow already');
      this.#workflow = component;
    } else if (component instanceof InitialParams || component instanceof BuiltModel) {
      if (this.#model) throw misplaced(component, SERVER, 'there is a model already');
      this.#model = component;
    } else throw misplaced(component, SERVER, 'it is no part of a job');
  }

  /** A site that only the options name would have no script to run. */
  #requireRunners({ nClients, clients }: SimulatorOptions): void {
    if (this.#runners.size === 0 || this.#runners.has(ALL_SITES)) return;
    const isOff =
      clients?.some((site) => !this.#runners.has(site)) ??
      (nClients !== undefined && nClients !== this.#runners.size);
    if (!isOff) return;
    const sites = [...this.#runners.keys()].sort(compareSites).join(', ');
    throw flError('NF_FEDJOB_SITES', {
      sites,
      clients: clients?.join(', ') ?? counted(nClients ?? 0, 'client'),
    });
  }
}

function misplaced(component: object, target: string, reason: string) {
  const what = component.constructor.name;
  const who = target === ALL_SITES ? 'all clients' : target === SERVER ? 'the server' : target;
  return flError('NF_FEDJOB_TARGET', { what, target: who, reason });
}

/** The definition is in memory: of its place, key and line are of use, a file there is none. */
function withoutFile(thrown: unknown): NeuroflareError {
  const error = toNeuroflareError(thrown);
  if (!error.place?.file?.endsWith(JOB_FILE)) return error;
  const { file: _none, line: _of, column: _it, ...place } = error.place;
  return atPlace(error, place);
}
