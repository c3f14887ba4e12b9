import { stat } from 'node:fs/promises';
import { flError } from '../../base/errors/errors.ts';
import { checkYaml } from '../../base/files/yaml-check.ts';
import { readYaml } from '../../base/files/yaml-source.ts';
import {
  type Participant,
  type Project,
  participantSchema,
  projectSchema,
  type ServerParticipant,
  WITHOUT_EFFECT,
} from './schema.ts';

/** @throws NF_PROJECT_YAML, NF_PROJECT_INVALID with line, column and source line; NF_PATH_MISSING */
export async function readProject(path: string): Promise<Project> {
  await mustBeFile(path);
  const source = await readYaml(path, 'NF_PROJECT_YAML');
  return checkYaml(projectSchema, source, { code: 'NF_PROJECT_INVALID', what: 'the project' });
}

/** One participant in a file of its own, as `provision --add-client` and `--add-user` take it. */
export async function readParticipant(path: string, type: 'client' | 'admin'): Promise<Participant> {
  await mustBeFile(path);
  const source = await readYaml(path, 'NF_PROJECT_YAML');
  const value = isRecord(source.value) ? { type, ...source.value } : source.value;
  const participant = checkYaml(participantSchema, source, {
    code: 'NF_PROJECT_INVALID',
    what: 'the participant',
    value,
  });
  if (participant.type !== type) {
    const faults = `'type' is ${participant.type} where ${type} is meant`;
    throw flError('NF_PROJECT_INVALID', { faults }, { place: source.place(['type']) });
  }
  return participant;
}

/** What the author of a project should know: keys without effect, and who is missing. */
export function projectNotes(project: Project): string[] {
  const given = (value: object) => Object.keys(value).filter((key) => WITHOUT_EFFECT.includes(key));
  const keys = new Set([project, ...project.participants].flatMap(given));
  const { participants } = project;
  const boss = participants.some((one) => one.type === 'admin' && one.role === 'project_admin');
  return [
    ...(keys.size > 0 ? [`Without effect here: ${[...keys].join(', ')}.`] : []),
    ...(participants.some(({ type }) => type === 'client') ? [] : ['No client yet; --add-client adds one.']),
    ...(boss ? [] : ['No project_admin yet; --add-user adds one.']),
  ];
}

/** The schema lets no project without one pass. */
export function serverOf(project: Project): ServerParticipant {
  const server = project.participants.find((participant) => participant.type === 'server');
  if (!server) throw flError('NF_INTERNAL', { message: `project ${project.name} has no server` });
  return server;
}

async function mustBeFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw flError('NF_PROJECT_NOT_FOUND', { path }, { place: { file: path } });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
