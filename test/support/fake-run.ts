import { mkdirSync } from 'node:fs';
import type { WorkflowType } from '../../src/runtime/algorithms/registry.ts';
import { workflowOf } from '../../src/runtime/algorithms/registry.ts';
import { COMMON_TASKS, VALIDATE, VALIDATE_FORM } from '../../src/runtime/algorithms/task.ts';
import type { Workflow } from '../../src/runtime/algorithms/workflow.ts';
import type { ParamSet } from '../../src/runtime/base/tensors/nd-array.ts';
import type { Channel } from '../../src/runtime/federation/channel.ts';
import { type Coordinator, createCoordinator } from '../../src/runtime/federation/coordinator.ts';
import type { CoordinatorRules } from '../../src/runtime/federation/coordinator-rules.ts';
import { keepInitialModel } from '../../src/runtime/federation/initial-model.ts';
import type { RunEvent } from '../../src/runtime/run/events.ts';
import { type ClosedRound, newHistory, type RunHistory, record } from '../../src/runtime/run/history.ts';
import { type Journal, openJournal, readJournal } from '../../src/runtime/run/journal.ts';
import { folderFiles } from '../../src/runtime/run/run-files.ts';
import { type RunFolder, runFolder } from '../../src/runtime/run/run-folder.ts';
import { RUN_EVENTS } from '../../src/runtime/run/stored-event.ts';
import { FakeChannel, type FakeChannelOptions } from './fake-channel.ts';
import { float32 } from './param-sets.ts';

export const THREE_SITES = ['site-1', 'site-2', 'site-10'];
export const RULES: CoordinatorRules = {
  minClients: 3,
  mandatory: [],
  clientsPerRound: undefined,
  overSelection: 1,
  waitTimeAfterMinReceived: undefined,
  numRounds: 2,
  seed: 1,
  jobName: 'fake',
  tasks: COMMON_TASKS,
  keyMetric: 'accuracy',
  keyMetricGoal: 'maximize',
  maxWeightRatio: 100,
};

export interface FakeRunOptions extends Omit<FakeChannelOptions, 'folder'> {
  readonly rules?: Partial<CoordinatorRules>;
  /** Default: fedavg. */
  readonly type?: WorkflowType;
  readonly workflowOptions?: object;
  /** One of the test's own, in place of that of a type. */
  readonly workflow?: Workflow;
  readonly signal?: AbortSignal;
  /** In place of the pretended sites. */
  readonly sitesIn?: (folder: RunFolder) => Channel;
  /** Model 0. */
  readonly model?: ParamSet;
  /** Sees the journal before the coordinator does, and may break it. */
  readonly wrapJournal?: (journal: Journal<RunEvent>) => Journal<RunEvent>;
  readonly onEvent?: (event: RunEvent, channel: FakeChannel) => void;
}

export interface FakeRun {
  readonly folder: RunFolder;
  readonly channel: FakeChannel;
  readonly coordinator: Coordinator;
  readonly history: () => RunHistory;
  /** All of them, those before a restart, too. */
  readonly closed: readonly ClosedRound[];
  readonly shown: readonly RunEvent[];
  /** What the workflow came to: the path of the final model. */
  readonly done: Promise<string>;
}

/** A workflow over pretended sites in `root`; a folder that holds a journal is resumed. */
export async function startFakeRun(root: string, options: FakeRunOptions = {}): Promise<FakeRun> {
  const folder = runFolder(root);
  const path = folder.at('events.jsonl');
  const { type = 'fedavg', workflowOptions = {}, workflow = workflowOf(type) } = options;
  const validate = 'cross_site_evaluation' in workflowOptions && { [VALIDATE]: VALIDATE_FORM };
  const own = { ...workflow.tasks, ...workflow.tasksOf?.({ ...workflowOptions }) };
  const rules = { ...RULES, tasks: { ...COMMON_TASKS, ...own, ...validate }, ...options.rules };
  const { file, history, closed } = await openHistory({ folder, path, rules, model: options.model });
  const journal = options.wrapJournal?.(file) ?? file;
  const channel = new FakeChannel({ folder, sites: THREE_SITES, ...options });
  const sites = options.sitesIn?.(folder) ?? channel;
  const shown: RunEvent[] = [];
  const coordinator = createCoordinator({
    rules,
    channel: sites,
    journal,
    files: folderFiles(folder),
    history,
    signal: options.signal ?? new AbortController().signal,
    observe: (event) => {
      shown.push(event);
      if (event.type === 'round.closed' && coordinator.history.last) closed.push(coordinator.history.last);
      options.onEvent?.(event, channel);
    },
  });
  const done = workflow
    .run(coordinator, { ...rules, options: workflowOptions })
    .then(async ({ model }) => {
      await coordinator.settle();
      return folder.at(model.path);
    })
    .finally(() => {
      channel.close();
      return file.close();
    });
  done.catch(() => undefined);
  return { folder, channel, coordinator, shown, done, closed, history: () => coordinator.history };
}

async function openHistory({
  folder,
  path,
  rules,
  model = { weights: float32([1, 2, 3]) },
}: {
  folder: RunFolder;
  path: string;
  rules: CoordinatorRules;
  model: ParamSet | undefined;
}) {
  mkdirSync(folder.root, { recursive: true });
  const earlier = (await Array.fromAsync(readJournal(path, RUN_EVENTS)).catch(() => [])).map(
    ({ event }) => event,
  );
  const file = await openJournal(path, RUN_EVENTS);
  const events = earlier.length > 0 ? earlier : await begin(folder, file, model);
  const closed: ClosedRound[] = [];
  let history = newHistory(rules);
  for (const event of events) {
    history = record(history, event);
    if (event.type === 'round.closed' && history.last) closed.push(history.last);
  }
  return { file, history, closed };
}

async function begin(folder: RunFolder, file: Journal<RunEvent>, params: ParamSet): Promise<RunEvent[]> {
  const model = await keepInitialModel(folderFiles(folder), params);
  const events: RunEvent[] = [{ type: 'run.opened' }, { type: 'model.initial', model }];
  for (const event of events) await file.append(event);
  return events;
}

/** Works until `count` events are in it, the last of them or not; then the process is as good as dead. */
export function dyingAfter(count: number, lastIsKept = true) {
  return (journal: Journal<RunEvent>): Journal<RunEvent> => {
    let appended = 0;
    return {
      ...journal,
      append: async (event) => {
        appended += 1;
        if (appended < count || (appended === count && lastIsKept)) await journal.append(event);
        if (appended >= count) throw new Error('killed');
      },
    };
  };
}
