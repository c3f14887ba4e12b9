import { mkdirSync } from 'node:fs';
import { fedAvg } from '../../src/runtime/algorithms/workflows/fedavg.ts';
import {
  type Coordinator,
  type CoordinatorRules,
  createCoordinator,
} from '../../src/runtime/federation/coordinator.ts';
import { type RunHistory, replay } from '../../src/runtime/federation/history.ts';
import { writeInitialModel } from '../../src/runtime/federation/initial-model.ts';
import { type Journal, openJournal, readJournal } from '../../src/runtime/store/journal.ts';
import type { RunEvent } from '../../src/runtime/telemetry/run-events.ts';
import { type RunFolder, runFolder } from '../../src/runtime/workspace/run-folder.ts';
import { FakeChannel, type FakeChannelOptions } from './fake-channel.ts';
import { float32 } from './param-sets.ts';

export const THREE_SITES: CoordinatorRules = {
  sites: ['site-1', 'site-2', 'site-10'],
  minClients: 3,
  waitAfterQuorum: undefined,
  numRounds: 2,
  seed: 1,
  jobName: 'fake',
  keyMetric: 'accuracy',
  keyMetricGoal: 'maximize',
};

export interface FakeRunOptions extends Omit<FakeChannelOptions, 'folder'> {
  readonly rules?: Partial<CoordinatorRules>;
  readonly signal?: AbortSignal;
  /** Sees the journal before the coordinator does, and may break it. */
  readonly wrapJournal?: (journal: Journal<RunEvent>) => Journal<RunEvent>;
  readonly onEvent?: (event: RunEvent, channel: FakeChannel) => void;
}

export interface FakeRun {
  readonly folder: RunFolder;
  readonly channel: FakeChannel;
  readonly coordinator: Coordinator;
  readonly history: () => RunHistory;
  readonly shown: readonly RunEvent[];
  /** What FedAvg came to: the path of the final model. */
  readonly done: Promise<string>;
}

/** FedAvg over pretended sites in `root`; a folder that holds a journal is resumed. */
export async function startFakeRun(root: string, options: FakeRunOptions = {}): Promise<FakeRun> {
  const folder = runFolder(root);
  const path = folder.at('events.jsonl');
  const { file, history } = await openHistory(folder, path);
  const journal = options.wrapJournal?.(file) ?? file;
  const channel = new FakeChannel({ folder, ...options });
  const shown: RunEvent[] = [];
  const coordinator = createCoordinator({
    rules: { ...THREE_SITES, ...options.rules },
    channel,
    journal,
    folder,
    history,
    signal: options.signal ?? new AbortController().signal,
    observe: (event) => {
      shown.push(event);
      options.onEvent?.(event, channel);
    },
  });
  const numRounds = options.rules?.numRounds ?? THREE_SITES.numRounds;
  const done = fedAvg(coordinator, { numRounds })
    .then((model) => folder.at(model.path))
    .finally(() => file.close());
  done.catch(() => undefined);
  return { folder, channel, coordinator, shown, done, history: () => coordinator.history };
}

async function openHistory(folder: RunFolder, path: string) {
  mkdirSync(folder.root, { recursive: true });
  const earlier = (await Array.fromAsync(readJournal<RunEvent>(path)).catch(() => [])).map(
    ({ event }) => event,
  );
  const file = await openJournal<RunEvent>(path);
  if (earlier.length > 0) return { file, history: replay(earlier) };
  const model = await writeInitialModel(folder, { weights: float32([1, 2, 3]) });
  const events: RunEvent[] = [{ type: 'run.opened' }, { type: 'model.initial', model }];
  for (const event of events) await file.append(event);
  return { file, history: replay(events) };
}
