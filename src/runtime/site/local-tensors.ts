import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../base/files/files.ts';
import type { AnswerFile } from './answer.ts';
import type { FilterMeans } from './filters/filter.ts';
import type { KeptFile, TaskFiles } from './task-files.ts';
import type { Task } from './task-order.ts';
import { type Before, writeKept, writePersonal, writeShared } from './write-kept.ts';

/** What a site has in hand of an answer before it is put together. */
export interface TakenAnswer {
  readonly task: Task;
  readonly files: Readonly<Record<string, AnswerFile>>;
  readonly paramsType: 'FULL' | 'DIFF';
  /** What the script keeps now. */
  readonly state: KeptFile | undefined;
}

interface Site {
  /** Of the names of tensors that stay. */
  readonly patterns: readonly string[];
  readonly files: TaskFiles;
  readonly means: FilterMeans;
}

/**
 * Takes the tensors that stay at the site out of an answer, before anything else sees it, and keeps them with what the script keeps. The
 * site's own model, what it received with its own tensors in it, is put where people find it.
 */
export async function withholdLocal(
  taken: TakenAnswer,
  site: Site,
): Promise<Pick<TakenAnswer, 'files' | 'state'>> {
  const { files: paths, patterns } = site;
  const { model } = taken.files;
  const before = { received: paths.model, kept: paths.kept, patterns };
  const state = await keptAfter(taken, before, site);
  if (model || taken.task.name === 'evaluate') {
    await makeFolder(dirname(paths.personal));
    await writePersonal(paths.personal, { ...before, kept: state?.path ?? paths.kept });
  }
  if (!model) return { files: taken.files, state };
  const shared = await writeShared(`${model.path}.shared`, model.path, patterns);
  await rename(shared.path, model.path);
  return { files: { ...taken.files, model: { ...shared, path: model.path } }, state };
}

/**
 * Keeps what did not travel of an answer beside what else the site keeps.
 * @param state what it would keep without that; undefined: what it kept before
 */
export async function keepRemains(
  state: KeptFile | undefined,
  remains: Readonly<Record<string, string>>,
  { task, patterns, files, means }: Site & { readonly task: Task },
): Promise<AnswerFile> {
  // With tensors of its own it is of this form already.
  const isScripts = patterns.length === 0;
  const made = {
    model: undefined,
    state: isScripts ? state?.path : undefined,
    secret: await means.secrets.key(`kept ${task.id}`),
    remains,
  };
  const target = `${files.toKeep}.remains`;
  await makeFolder(dirname(target));
  const kept = isScripts ? files.kept : (state?.path ?? files.kept);
  const written = await writeKept(target, made, { received: files.model, kept, patterns });
  const old = [...Object.values(remains), ...(state ? [state.path] : [])];
  await Promise.all(old.map((path) => rm(path, { force: true })));
  return written;
}

/** Undefined: what it kept before. */
async function keptAfter(
  { task, files: { model }, paramsType, state }: TakenAnswer,
  before: Before,
  { files, means }: Site,
): Promise<AnswerFile | undefined> {
  if (!model && !state) return undefined;
  const made = {
    model: model && { path: model.path, paramsType },
    state: state?.path,
    secret: await means.secrets.key(`kept ${task.id}`),
  };
  await makeFolder(dirname(files.toKeep));
  return writeKept(files.toKeep, made, before);
}
