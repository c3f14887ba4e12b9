import { partsOfTask } from '../../../algorithms/task.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { Verdict } from '../../../federation/channel.ts';
import { type Coordinator, createCoordinator } from '../../../federation/coordinator.ts';
import { type CoordinatorRules, roundRules, rulesOf } from '../../../federation/coordinator-rules.ts';
import type { CheckedJob } from '../../../federation/intake/operations.ts';
import { MaskedFederation } from '../../../federation/masked/masked-federation.ts';
import type { Waiting } from '../../../federation/open-round.ts';
import { runWorkflow } from '../../../federation/run-workflow.ts';
import { requireSecure } from '../../../job/secure-rounds.ts';
import { SUMMED } from '../../../job/secure-tasks.ts';
import type { FileRef, RunEvent } from '../../../run/events.ts';
import type { RunHistory } from '../../../run/history.ts';
import type { Journal } from '../../../run/journal.ts';
import type { RunFiles } from '../../../run/run-files.ts';
import type { JobChange, JobRecord, ServerStore } from '../../store/server-store.ts';
import type { WorkThread } from '../heavy-work/work-thread.ts';
import type { JobFolder } from '../state-folder.ts';
import { FigureSums } from './figure-sums.ts';
import { HeldBlobs, jobFiles, lastMeasured } from './job-files.ts';
import { historyOf, keepToGoOn, outcomeOf, writeJobResults } from './job-results.ts';
import { isOfTheMachine } from './machine-failures.ts';
import type { Offers } from './offers.ts';
import { openHistory } from './open-history.ts';
import { reduceRound } from './reduce-round.ts';
import { writtenFiles } from './result-files.ts';
import type { SiteChannel } from './site-channel.ts';
import { SiteTraffic } from './site-traffic.ts';

export interface TrainingDeps {
  readonly job: CheckedJob;
  readonly record: () => JobRecord;
  readonly offers: Offers;
  readonly channel: SiteChannel;
  readonly store: Pick<ServerStore, 'journal'>;
  readonly folder: JobFolder;
  readonly work: WorkThread;
  readonly logger: Logger;
  readonly mostModelBytes: number;
  /** Something has happened, whatever kept it from it before. */
  readonly onEvent: () => void;
  /** Seconds from a round's opening to its close. */
  readonly onRound: (seconds: number) => void;
  /** Durable when it returns. */
  readonly change: (change: JobChange) => Promise<void>;
}

/** The rounds of a job: its log, what it adds up to, its files, and what it comes to. */
export class JobTraining {
  readonly traffic = new SiteTraffic();
  readonly figures = new FigureSums();
  readonly held = new HeldBlobs();
  /** Bytes of a model. */
  readonly modelSize: (model: FileRef) => number;
  /** When a site last said something of its task, or a round began or ended: ISO 8601, UTC. */
  movedAt: string | undefined;
  readonly #deps: TrainingDeps;
  readonly #files: RunFiles;
  readonly #journal: Journal<RunEvent>;
  #coordinator: Coordinator | undefined;
  #roundBegan = performance.now();

  constructor(deps: TrainingDeps) {
    this.#deps = deps;
    this.#journal = deps.store.journal(deps.record().id);
    this.#files = jobFiles(deps.folder, () => this.history, this.held);
    this.modelSize = lastMeasured(this.#files);
  }

  get history(): RunHistory | undefined {
    return this.#coordinator?.history;
  }

  /** What an answer to the task of this id counts for, if it came now. */
  verdictOn(task: string): Verdict {
    return this.#coordinator?.verdictOn(task) ?? 'late';
  }

  get waiting(): Waiting | undefined {
    return this.#coordinator?.waiting();
  }

  /** From where its log says it is. @param how.mayKeep asked before results are written */
  async run({ signal, mayKeep }: { signal: AbortSignal; mayKeep: () => Promise<void> }): Promise<void> {
    const { job, record, offers, channel } = this.#deps;
    const { definition } = job;
    const keep = async (final: RunHistory) => {
      await mayKeep();
      await this.#writeResults(final);
    };
    const files = this.#files;
    const journal = this.#journal;
    const opening = { ...this.#deps, record: record(), job: definition, journal, files, signal };
    const history = await openHistory(opening);
    if (history.status === 'finished') return keep(history);
    const minClients = record().minClients ?? offers.least();
    const rules = rulesOf({ job: definition, minClients }, 'network');
    requireSecure({ job: definition, sites: offers.accepted(), minClients });
    const coordinator = createCoordinator({
      rules,
      channel,
      journal,
      files,
      history,
      signal,
      observe: (event) => this.#observe(event),
      reduce: (request) => reduceRound(request, { ...this.#deps, traffic: this.traffic }),
    });
    this.#coordinator = coordinator;
    await runWorkflow(coordinator, {
      federation: this.#summed(coordinator, rules),
      workflow: definition.workflow,
      keep,
      isPassing: isOfTheMachine,
    });
  }

  /** Of a job whose updates are summed up in secret. */
  #summed(coordinator: Coordinator, rules: CoordinatorRules): MaskedFederation | undefined {
    const { job, record } = this.#deps;
    const { definition } = job;
    const { secureAggregation: secure } = definition;
    const { id: jobId, bundleSha256, terms } = record();
    if (!secure || !terms) return undefined;
    return new MaskedFederation({
      coordinator,
      rules: (sites) => roundRules(rules, sites, SUMMED),
      job: definition,
      secure,
      of: { project: terms.project, jobId, bundleSha256 },
      files: this.#files,
    });
  }

  /** Writes what it has come to, and keeps what it needs to go on. */
  async salvage(): Promise<void> {
    const { job, folder, record } = this.#deps;
    const history = await historyOf(this.#journal, job.definition.workflow);
    await this.#writeResults(history);
    await keepToGoOn(folder, { history, record: record() });
  }

  #observe(event: RunEvent): void {
    const { logger, onRound, onEvent, record } = this.#deps;
    const { id: job } = record();
    this.movedAt = new Date().toISOString();
    if (event.type === 'round.opened') this.#roundBegan = performance.now();
    if (event.type === 'round.closed') {
      const seconds = (performance.now() - this.#roundBegan) / 1000;
      this.#roundBegan = performance.now();
      onRound(seconds);
      logger.info({ job, round: event.round, seconds }, 'round closed');
    }
    if (event.type === 'site.failed')
      logger.warn({ job, ...partsOfTask(event.task), ...event.error }, 'site failed');
    onEvent();
  }

  async #writeResults(history: RunHistory): Promise<void> {
    const { record, job, offers, folder, change } = this.#deps;
    await writeJobResults({
      record: record(),
      job: job.value,
      sites: offers.tookPart(),
      history,
      journal: this.#journal,
      folder,
      files: this.#files,
    });
    const files = await writtenFiles(folder, history);
    const outcome = outcomeOf(history, offers.accepted(), this.traffic.sum());
    await change({ outcome: { ...outcome, files } });
  }
}
