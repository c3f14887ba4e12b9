import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { partsOfTask } from '../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { toNeuroflareError } from '../../src/runtime/base/errors/errors.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/runtime/base/tensors/safetensors.ts';
import { MaskedTasks } from '../../src/runtime/deployment/client/masked/masked-tasks.ts';
import { peerCheck } from '../../src/runtime/deployment/client/masked/peer-check.ts';
import { clientFolder } from '../../src/runtime/deployment/client/memory/client-folder.ts';
import type { Outbox } from '../../src/runtime/deployment/client/tasks/outbox.ts';
import { inputsDigest } from '../../src/runtime/deployment/client/tasks/site-task.ts';
import type { AnswerListener, Channel, SiteAnswer, SiteTask } from '../../src/runtime/federation/channel.ts';
import { createCoordinator } from '../../src/runtime/federation/coordinator.ts';
import {
  type CoordinatorRules,
  roundRules,
  rulesOf,
} from '../../src/runtime/federation/coordinator-rules.ts';
import { keepInitialModel } from '../../src/runtime/federation/initial-model.ts';
import { MaskedFederation } from '../../src/runtime/federation/masked/masked-federation.ts';
import { runWorkflow } from '../../src/runtime/federation/run-workflow.ts';
import { loadJob } from '../../src/runtime/job/load.ts';
import { planRun, type RunPlan } from '../../src/runtime/job/plan.ts';
import type { SecureAggregation } from '../../src/runtime/job/secure-aggregation.ts';
import { SUMMED, securePhase } from '../../src/runtime/job/secure-tasks.ts';
import type { AssignedTask } from '../../src/runtime/network/messages/site.ts';
import type { FileRef, RunEvent } from '../../src/runtime/run/events.ts';
import { newHistory, record } from '../../src/runtime/run/history.ts';
import { type Journal, openJournal, readJournal } from '../../src/runtime/run/journal.ts';
import { folderFiles } from '../../src/runtime/run/run-files.ts';
import { answerPath, type RunFolder, runFolder } from '../../src/runtime/run/run-folder.ts';
import { RUN_EVENTS } from '../../src/runtime/run/stored-event.ts';
import { type OpenKit, openKit } from '../../src/runtime/security/kit/open.ts';
import { sitePolicySchema } from '../../src/runtime/security/policy/site-policy.ts';
import { signText } from '../../src/runtime/security/signature.ts';
import { writeJob } from './job-folder.ts';
import { type LiveKits, makeLiveKits } from './live-federation.ts';
import { float32 } from './param-sets.ts';

/** What becomes of a task: what its site answers, or that the site is ended before or after it has written down what it does. */
export type Turn = 'answers' | 'fails' | 'is killed after it' | 'answers twice';
export type TurnOf = (task: { readonly name: string; readonly site: string; readonly round: number }) => Turn;
/** What a server gives to a site in place of what is right. */
export type Bend = (given: {
  readonly name: string;
  readonly site: string;
  readonly json: unknown;
}) => unknown;

const SITES = ['site-1', 'site-2', 'site-3', 'site-4'];
const OF = {
  project: 'brain',
  job_id: '11111111-2222-4333-8444-555555555555',
  bundle_sha256: 'b'.repeat(64),
};

/** A site as its client is, but for the way to the server and the process of the script. */
class MaskedSite {
  readonly name: string;
  readonly folder;
  readonly #client;
  readonly #kit: OpenKit<'client'>;
  readonly #dir: string;
  readonly #plan: RunPlan;

  constructor(root: string, kit: OpenKit<'client'>, plan: RunPlan) {
    this.name = kit.identity.name;
    this.#kit = kit;
    this.#dir = kit.dir;
    this.#plan = plan;
    this.#client = clientFolder(join(root, this.name));
    this.folder = this.#client.job(OF.job_id);
    mkdirSync(this.folder.models, { recursive: true });
  }

  /** As a client that was just started does it: nothing is known but what lies in its folder. */
  run(task: AssignedTask): Promise<Outbox> {
    const { job } = this.#plan;
    const { secureAggregation: secure } = job;
    if (!secure) throw new Error('The job is not summed up in secret.');
    const policy = sitePolicySchema.parse({ version: 1 });
    const rules = { site: this.name, policy, rootPem: this.#kit.tls.ca, revoked: new Set<string>() };
    const tasks = new MaskedTasks({
      runner: { run: (one) => this.#train(one) },
      site: this.name,
      folder: this.folder,
      job,
      secure,
      of: OF,
      clients: undefined,
      signer: () => ({
        certificate: this.#kit.tls.cert,
        sign: (text) => signText(text, this.#kit).signature,
      }),
      peers: () => peerCheck(this.#client, rules, this.#dir),
      policy: async () => policy,
      requireCharged: () => undefined,
      audit: { append: async () => undefined },
    });
    return tasks.run(task, { signal: new AbortController().signal, emit: () => undefined });
  }

  /** A different update of each site and round, whole: it is what it adds to the model. */
  async #train(task: AssignedTask): Promise<Outbox> {
    const { round, site, name } = partsOfTask(task.id);
    const { folder } = this;
    const at = Number(site.slice(5));
    const model = decodeSafetensors(readFileSync(folder.model(task.inputs.model?.sha256 ?? '')), 'model');
    const { weights } = model;
    const data = weights?.data.map((value, index) => value + Math.sin(at * round + index)) ?? [];
    const bytes = encodeSafetensors({ weights: float32([...data]) });
    const isTraining = name === SUMMED;
    if (isTraining) writeFileSync(folder.answer('model'), bytes);
    const sent = { sha256: sha256(bytes), size: bytes.length };
    return {
      version: 2,
      inputs_sha256: inputsDigest(task.inputs),
      model_sha256: task.inputs.model?.sha256 ?? '',
      answer: {
        result: {
          task: task.id,
          attempt: 1,
          encoding: 'safetensors',
          params_type: 'FULL',
          num_examples: 10 * at,
          metrics: { accuracy: 0.5 },
          files: isTraining ? { model: sent } : {},
          seconds: 0,
        },
        files: isTraining ? { model: folder.answer('model') } : {},
      },
    };
  }
}

/** Sites of a masked round without sockets: what they are given and what they answer are files and JSON. */
class MaskedChannel implements Channel {
  readonly outboxes = new Map<string, Outbox['answer']>();
  readonly #folder: RunFolder;
  readonly #sites: ReadonlyMap<string, MaskedSite>;
  readonly #turn: TurnOf;
  readonly #bend: Bend;
  #listener: AnswerListener | undefined;
  #isOver = false;
  readonly #now = new Map<string, string>();
  #work: Promise<unknown> = Promise.resolve();

  constructor(folder: RunFolder, sites: readonly MaskedSite[], { turn, bend }: { turn: TurnOf; bend: Bend }) {
    this.#folder = folder;
    this.#sites = new Map(sites.map((site) => [site.name, site]));
    this.#turn = turn;
    this.#bend = bend;
  }

  async ready() {
    return [...this.#sites.keys()];
  }

  listen(listener: AnswerListener): void {
    this.#listener = listener;
  }

  assign(task: SiteTask): void {
    this.#now.set(task.site, task.id);
    // One after another: the order of answers is the same each time.
    this.#work = this.#work.then(() => this.#do(task)).catch(() => undefined);
  }

  cancel(task: string): void {
    const { site } = partsOfTask(task);
    if (this.#now.get(site) === task) this.#now.delete(site);
  }

  /** Nobody hears of its sites any more. */
  async close(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #do(task: SiteTask): Promise<void> {
    if (this.#isOver || this.#now.get(task.site) !== task.id) return;
    const turn = this.#turn(task);
    const say = async (answer: SiteAnswer) => {
      if (!this.#isOver) await this.#listener?.(answer);
    };
    const error = { code: 'NF_SITE_LOST', message: 'gone', hint: 'look', exitCode: 1 };
    if (turn === 'fails') return say({ type: 'failure', task: task.id, error });
    const answer = await this.#answer(task);
    if (turn === 'is killed after it' || turn === 'answers twice') {
      const again = await this.#answer(task);
      if (turn === 'answers twice') await say(answer);
      return say(again);
    }
    return say(answer);
  }

  async #answer(task: SiteTask): Promise<SiteAnswer> {
    const site = this.#sites.get(task.site);
    if (!site) throw new Error(task.site);
    const assigned = this.#given(task, site);
    try {
      const { answer } = await site.run(assigned);
      if (!('result' in answer))
        return { type: 'failure', task: task.id, error: { ...answer.failure.error } as never };
      const before = this.outboxes.get(task.id);
      const { seconds: _, ...told } = answer.result;
      if (before && 'result' in before) {
        const { seconds: __, ...first } = before.result;
        // What was sent once is never sent in other words.
        if (JSON.stringify(first) !== JSON.stringify(told))
          throw new Error(`${task.id} was answered otherwise before`);
      }
      this.outboxes.set(task.id, answer);
      const files: Record<string, FileRef> = {};
      for (const [name, path] of Object.entries(answer.files)) {
        const rule = task.form.answer[name];
        if (!rule) throw new Error(`${task.id} was not asked for ${name}`);
        const to = answerPath(task, name, rule);
        copyFileSync(path, this.#folder.at(to));
        files[name] = { path: to, sha256: answer.result.files[name]?.sha256 ?? '' };
      }
      const { params_type: paramsType, num_examples: numExamples, metrics, values } = answer.result;
      const result = {
        site: task.site,
        paramsType,
        numExamples,
        metrics: metrics as { accuracy: number },
        seconds: 0,
        files,
        ...(values && { values: values as never }),
      };
      return { type: 'result', task: task.id, result };
    } catch (thrown) {
      return { type: 'failure', task: task.id, error: toNeuroflareError(thrown).report() };
    }
  }

  /** Puts what the task begins with into the folder of its site. */
  #given({ id, totalRounds, seed, inputs, name, site: at }: SiteTask, { folder }: MaskedSite): AssignedTask {
    const files: AssignedTask['inputs'] = {};
    for (const [file, ref] of Object.entries(inputs)) {
      let bytes = readFileSync(this.#folder.at(ref.path));
      if (securePhase(name) && file !== 'model') {
        const json: unknown = JSON.parse(bytes.toString('utf8'));
        bytes = Buffer.from(JSON.stringify(this.#bend({ name, site: at, json })));
      }
      const digest = sha256(bytes);
      if (!existsSync(folder.model(digest))) writeFileSync(folder.model(digest), bytes);
      files[file] = { sha256: digest, size: bytes.length };
    }
    return { id, total_rounds: totalRounds, seed, inputs: files };
  }
}

/** Runs of one job of three or four sites, with real kits, whose sites keep their folders from run to run. */
export class MaskedSites {
  readonly #kits: LiveKits;
  readonly #root: string;
  readonly #sites: number;
  readonly #patch: object;

  private constructor(kits: LiveKits, root: string, { sites, patch }: { sites: number; patch: object }) {
    this.#kits = kits;
    this.#root = root;
    this.#sites = sites;
    this.#patch = patch;
  }

  /** @param kits of `maskedKits` */
  static in(root: string, kits: LiveKits, { sites = 3, patch = {} } = {}): MaskedSites {
    return new MaskedSites(kits, root, { sites, patch });
  }

  kit(site: string): Promise<OpenKit<'client'>> {
    const path = this.#kits.kit(site);
    const known = OPEN_KITS.get(path) ?? openKit(path, 'client');
    OPEN_KITS.set(path, known);
    return known;
  }

  folderOf(site: string) {
    return clientFolder(join(this.#root, site)).job(OF.job_id);
  }

  /** From where its journal says it is: numbers of the last model. */
  async run({
    turn = () => 'answers',
    bend = ({ json }) => json,
    wrapJournal = (journal) => journal,
    server = {},
  }: {
    turn?: TurnOf;
    bend?: Bend;
    wrapJournal?: (journal: Journal<RunEvent>) => Journal<RunEvent>;
    /** What a server makes of the job's rules that are not its to make. */
    server?: Partial<SecureAggregation>;
  } = {}): Promise<readonly number[]> {
    const names = SITES.slice(0, this.#sites);
    const job = await writeJob(join(this.#root, 'job'), {
      patch: {
        secure_aggregation: {},
        workflow: { n_clients: this.#sites, num_rounds: 2 },
        ...this.#patch,
      },
    });
    const plan = planRun((await loadJob(job)).definition, {});
    const sites = await Promise.all(
      names.map(async (name) => new MaskedSite(this.#root, await this.kit(name), plan)),
    );
    const folder = runFolder(join(this.#root, 'run'));
    mkdirSync(folder.root, { recursive: true });
    for (const name of names) mkdirSync(folder.at(`sites/${name}`), { recursive: true });
    const rules = rulesOf(plan, 'network');
    const { journal, history } = await opened(folder, rules);
    const channel = new MaskedChannel(folder, sites, { turn, bend });
    const files = folderFiles(folder);
    const coordinator = createCoordinator({
      rules,
      channel,
      journal: wrapJournal(journal),
      files,
      history,
      signal: new AbortController().signal,
      observe: () => undefined,
    });
    const { secureAggregation: secure } = plan.job;
    if (!secure) throw new Error('The job is not summed up in secret.');
    const { project, job_id: jobId, bundle_sha256: bundleSha256 } = OF;
    const federation = new MaskedFederation({
      coordinator,
      rules: (members) => roundRules(rules, members, SUMMED),
      job: plan.job,
      secure: { ...secure, ...server },
      of: { project, jobId, bundleSha256 },
      files,
    });
    try {
      return await runWorkflow(coordinator, {
        federation,
        workflow: plan.job.workflow,
        keep: async ({ final }) => {
          const { weights } = decodeSafetensors(readFileSync(folder.at(final?.model.path ?? '')), 'model');
          return [...(weights?.data ?? [])];
        },
      });
    } finally {
      await channel.close();
      await journal.close();
    }
  }

  events(): Promise<readonly RunEvent[]> {
    const path = runFolder(join(this.#root, 'run')).at('events.jsonl');
    return Array.fromAsync(readJournal(path, RUN_EVENTS)).then((all) => all.map(({ event }) => event));
  }
}

const OPEN_KITS = new Map<string, Promise<OpenKit<'client'>>>();

export const maskedKits = (root: string): Promise<LiveKits> => makeLiveKits(root, { clients: 4 });

async function opened(folder: RunFolder, rules: CoordinatorRules) {
  const path = folder.at('events.jsonl');
  const earlier = (await Array.fromAsync(readJournal(path, RUN_EVENTS)).catch(() => [])).map(
    ({ event }) => event,
  );
  const journal = await openJournal(path, RUN_EVENTS);
  if (earlier.length === 0) {
    const model = await keepInitialModel(folderFiles(folder), { weights: float32([1, 2, 3, 4, 5]) });
    for (const event of [{ type: 'run.opened' }, { type: 'model.initial', model }] as const) {
      await journal.append(event);
      earlier.push(event);
    }
  }
  let history = newHistory(rules);
  for (const event of earlier) history = record(history, event);
  return { journal, history };
}
