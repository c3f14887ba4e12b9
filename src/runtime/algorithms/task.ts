import { z } from 'zod';
import { deriveSeed } from '../base/random.ts';
import type { Packing } from '../base/tensors/packed/form.ts';

/** What sites are asked for, by name. */

/** Of a task, and of a file of one; every object has a `constructor`, which is no rule of a task. */
const WORD = /^(?!constructor$)[a-z][a-z0-9_.-]{0,63}$/;
export const wordSchema = z
  .string()
  .regex(WORD, 'must be small letters, digits, dots, dashes and underscores');

/**
 * What a file of a task must be. like:model: the arrays of the model, with finite values; subset:model: some of them; opaque: any bytes.
 */
export type FileForm = 'like:model' | 'subset:model' | 'opaque';

export interface FileRule {
  readonly form: FileForm;
  /** Bytes; of arrays it follows from the model. */
  readonly most?: number;
  /** It may be left out. */
  readonly optional?: boolean;
  /** Patterns of arrays that stay at the site: an answer that has one is refused. */
  readonly stays?: readonly string[];
  /** How its arrays travel; without this they do as they are. What is reduced is unpacked. */
  readonly packing?: Packing;
  /** Its arrays travel as whole numbers with masks on them (`masking/ring.ts`): differences of which only a sum says anything. */
  readonly masked?: true;
  /** It is made where the model is trained; a script need not know of it. */
  readonly by?: 'trainer';
}

export type FilesForm = Readonly<Record<string, FileRule>>;

/** What is given with a task and what must come back, by the names of files; a workflow declares it for each of its tasks. */
export interface TaskForm {
  /** In which rounds: those of training, or those after them. */
  readonly when: 'training' | 'after';
  /** Before the first training alone. */
  readonly isFirst?: true;
  /**
   * A site has it several times in a round, each about something else: about one of the job's sites, or about one of these. Without this it
   * has it once: a server must not ask more often.
   */
  readonly isAbout?: true | readonly string[];
  /** Beside `model`, which every task has. */
  readonly inputs?: FilesForm;
  readonly answer: FilesForm;
  /** Small JSON values that must come back, too: votes, counts. A workflow reads them; files it only passes on. */
  readonly values?: Readonly<Record<string, ValueRule>>;
  /** The model that it begins with is the one that its site ends with: it is put where people find that. */
  readonly isLast?: true;
  /** It is of a model of the site's own. */
  readonly own?: OwnTask;
}

/** A model that a site has of its own and never sends. personal: made from the global one; alone: of the site's images alone. */
export type OwnModel = 'personal' | 'alone';

/** A task that begins with a model of the site's own, where the site has it, in place of the received one. */
export interface OwnTask {
  readonly model: OwnModel;
  /** What its script trains becomes that model, and is no part of the answer; without this it scores the model. */
  readonly trains?: true;
  /** How many of these tasks follow one another; which one it is, is what it is about: `1` to this. */
  readonly steps?: number;
}

export interface ValueRule {
  /** Bytes as JSON. */
  readonly most?: number;
  /** It may be left out. */
  readonly optional?: boolean;
  /** It is made by the client itself: what a site lets its scripts tell does not speak of it. */
  readonly by?: 'client';
  /** It must be a number within these. */
  readonly number?: { readonly least: number; readonly most: number };
}

/** Files that are not arrays, where their rule does not say: bytes. */
export const MOST_OF_FILE = 1_000_000;

/** Another writer's header may be longer than ours. */
export const HEADER_SLACK = 1024 * 1024;

/** Most bytes of a file. @param model bytes of a model of the job */
export function mostBytes({ form, most, masked }: FileRule, model: number): number {
  // A number of one byte takes four with a mask on it.
  return most ?? (isArrays(form) ? (masked ? 4 : 1) * model + HEADER_SLACK : MOST_OF_FILE);
}

/** Whether it is a safetensors file. */
export function isArrays(form: FileForm | undefined): boolean {
  return form === 'like:model' || form === 'subset:model';
}

/** Tasks that every workflow may ask for. */
export const COMMON_TASKS = {
  /** The model comes back, trained on. */
  train: { when: 'training', answer: { model: { form: 'subset:model' } } },
  /** Figures of the model alone. */
  evaluate: { when: 'after', answer: {} },
} as const satisfies Readonly<Record<string, TaskForm>>;

/** The task of a site to score the last model of a site; the model of which site is what the task is about. */
export const VALIDATE = 'validate';
export const VALIDATE_FORM: TaskForm = { when: 'after', isAbout: true, answer: {} };

/** What a script brings: the answer, and the model that stays at its site. */
export function broughtBy({ answer, own }: TaskForm): FilesForm {
  return own?.trains ? { ...answer, model: { form: 'like:model' } } : answer;
}

/** Why a task cannot be about that; undefined: it can. @param sites that the job was signed for; undefined: not known */
export function wrongAbout(
  { name, about }: TaskKey,
  { isAbout }: TaskForm,
  sites?: readonly string[],
): string | undefined {
  if (about === undefined) return Array.isArray(isAbout) ? 'it does not say what it is about' : undefined;
  if (!isAbout) return `a site has ${name} once in a round, about nothing`;
  if (isAbout === true)
    return sites?.includes(about) === true
      ? undefined
      : `it is about ${about}, which the job was not signed for`;
  return isAbout.includes(about) ? undefined : `it is about ${about}, of which ${name} is not`;
}

/** What several sites are asked for at once: no two of a run have the same. */
export interface TaskKey {
  readonly name: string;
  /** From 1. */
  readonly round: number;
  /** Whose model or share it is about, where it is not the global one. */
  readonly about?: string;
}

/** One task of one site. */
export interface TaskParts extends TaskKey {
  readonly site: string;
}

const PARTS = /^(?!constructor\/)([a-z][a-z0-9_.-]{0,63})\/([1-9][0-9]{0,8})\/([^/]+)(?:\/([^/]+))?$/;

/** `train/12/site-3`, or `validate/13/site-1/site-2` where site-1 has a task about site-2. */
export const taskIdSchema = z
  .string()
  .max(300)
  .regex(PARTS, 'must be the id of a task, like train/12/site-3');

export function taskId({ name, round, site, about }: TaskParts): string {
  return [name, round, site, ...(about === undefined ? [] : [about])].join('/');
}

/** @throws where it is none */
export function partsOfTask(id: string): TaskParts {
  const [, name = '', round, site = '', about] = PARTS.exec(id) ?? [];
  if (site === '') throw new Error(`'${id}' is no id of a task.`);
  return { name, round: Number(round), site, ...(about !== undefined && { about }) };
}

/** The same for all sites. */
export function keyText({ name, round, about }: TaskKey): string {
  return `${name}/${round}${about === undefined ? '' : `/*/${about}`}`;
}

/** Of (job, task), 32 bits: the same whenever and wherever the task runs. */
export function seedOfTask(
  { seed, name: job }: { readonly seed: number; readonly name: string },
  { name, round, site, about }: TaskParts,
): number {
  // Those of version 0.1.0, whose only tasks these were.
  const more = Object.hasOwn(COMMON_TASKS, name) && about === undefined ? [] : [name, about ?? ''];
  return deriveSeed(seed, job, site, round, ...more);
}
