import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../base/files/files.ts';
import type { MetricReport } from '../base/logging/metrics.ts';
import { betterThan, type ChoiceGoal, type Figures, figuresOf } from '../run/own-models.ts';
import type { AnswerFile } from './answer.ts';
import type { FilterMeans } from './filters/filter.ts';
import type { TakenAnswer } from './local-tensors.ts';
import type { TaskFiles } from './task-files.ts';
import { type OwnBefore, readBest, writeOwnKept, writeOwnModel } from './write-own.ts';

interface OwnSite {
  readonly files: TaskFiles;
  readonly means: FilterMeans;
  readonly goal: ChoiceGoal;
  /** Patterns of the arrays that a personal model is trained in; undefined: in all of them. */
  readonly personalTensors: readonly string[] | undefined;
}

/**
 * Keeps what a task came to for the models of the site's own. What was trained for one of them is that model from now on, and no part of the
 * answer. A model that was scored takes the place in which people find the site's model, where it is the best so far: the global one first,
 * then those of its own.
 */
export async function keepOwn(
  taken: TakenAnswer & { readonly metrics: MetricReport },
  site: OwnSite,
): Promise<Pick<TakenAnswer, 'files' | 'state'>> {
  const { task, files: left, state, paramsType, metrics } = taken;
  const { files: paths, means, personalTensors } = site;
  const { own } = task.form;
  const before: OwnBefore = { received: paths.model, kept: paths.kept };
  const { model: trained, ...files } = left;
  const best = await bestNow(metrics, { task, before, goal: site.goal });
  if (best) {
    await makeFolder(dirname(paths.personal));
    await writeOwnModel(paths.personal, own?.model, before);
  }
  const isTrained = own?.trains === true && trained !== undefined;
  if (!isTrained && !best && !state) return { files: left, state };
  await makeFolder(dirname(paths.toKeep));
  const kept: AnswerFile = await writeOwnKept(
    paths.toKeep,
    {
      ...(isTrained && {
        trained: {
          path: trained.path,
          paramsType,
          model: own.model,
          only: own.model === 'personal' ? personalTensors : undefined,
        },
      }),
      ...(best && { best }),
      state: state?.path,
      secret: await means.secrets.key(`kept ${task.id}`),
    },
    before,
  );
  if (isTrained) await rm(trained.path, { force: true });
  return { files: isTrained ? files : left, state: kept };
}

interface Scoring extends Pick<TakenAnswer, 'task'> {
  readonly before: OwnBefore;
  readonly goal: ChoiceGoal;
}

/** Figures of the model that was scored, where it is the best so far. */
async function bestNow(
  metrics: MetricReport,
  { task: { name, form }, before, goal }: Scoring,
): Promise<Figures | undefined> {
  const figures = figuresOf(metrics, goal);
  // What is scored of the global model begins the choice.
  if (name === 'evaluate') return figures;
  if (!form.own || form.own.trains) return undefined;
  const best = before.kept === undefined ? undefined : await readBest(before.kept);
  return best === undefined || betterThan(figures, best, goal) ? figures : undefined;
}
