import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  decision,
  logLines,
  pollRequest,
  report,
  sessionRequest,
  taskFailure,
  taskResult,
} from '../../../../src/runtime/network/messages/site.ts';
import { type SitePolicy, sitePolicySchema } from '../../../../src/runtime/security/policy/site-policy.ts';

/** What holds a text or number that leaves a site: keys of its policy, or whose words it is whatever a script says. */
type Bound =
  | readonly (keyof SitePolicy)[]
  | 'the client'
  | 'the task'
  | 'the catalogue'
  | 'the files of the job'
  | 'a fixed form';

const REPORT_OF_CLIENT = {
  code: 'the catalogue',
  message: 'the client',
  hint: 'the catalogue',
  exitCode: 'the catalogue',
  'place.file': 'the client',
  'place.line': 'the client',
  'place.column': 'the client',
  'place.key': 'the client',
  'place.site': 'the client',
  'place.round': 'the client',
  'place.excerpt': 'the client',
  stack: 'the client',
} as const;

const under = (head: string, bounds: Readonly<Record<string, Bound>>): Record<string, Bound> =>
  Object.fromEntries(Object.entries(bounds).map(([key, bound]) => [`${head}.${key}`, bound]));

const BOUNDS: ReadonlyArray<readonly [string, z.ZodType, Readonly<Record<string, Bound>>]> = [
  [
    'registration',
    sessionRequest,
    {
      instance: 'the client',
      version: 'the client',
      node: 'the client',
      platform: 'the client',
      engine: 'the client',
      ...under('resources', {
        jobs: 'the client',
        cpus: 'the client',
        memory_gb: 'the client',
        gpus: 'the client',
      }),
    },
  ],
  [
    'sign of life',
    pollRequest,
    {
      seen: 'the client',
      wait_seconds: 'the client',
      'jobs[].job_id': 'the task',
      'jobs[].task': 'the task',
      'jobs[].bytes': 'the client',
      ...under('jobs[].trouble', REPORT_OF_CLIENT),
    },
  ],
  ['decision', decision, under('reason', REPORT_OF_CLIENT)],
  ['report', report, { task: 'the task', 'progress.done': 'a fixed form', 'progress.total': 'a fixed form' }],
  ['log', logLines, { 'lines[].time': 'the client', 'lines[].text': ['send_logs'] }],
  [
    'result',
    taskResult,
    {
      task: 'the task',
      attempt: 'the client',
      'engine.name': 'a fixed form',
      'engine.device': 'a fixed form',
      'engine.library': 'a fixed form',
      'engine.detail': 'a fixed form',
      // The weight of the update: one number a task.
      num_examples: 'a fixed form',
      'metrics.*': ['max_figures_kb', 'max_figures', 'figures_text'],
      // Worked out of the figures, with no word and number that is not in them.
      'statistics.means.*': 'the client',
      'statistics.totals.*': 'the client',
      'statistics.counted.examples': 'the client',
      'statistics.counted.alike.*': 'the client',
      'statistics.counted.means.*': 'the client',
      'statistics.counted.groups.*': 'the client',
      'statistics.counted.macro.*': 'the client',
      'statistics.counted.tables.*': 'the client',
      'files.*': 'the client',
      'values.*': ['max_figures_kb', 'max_figures', 'figures_text'],
      state_sha256: 'the client',
      seconds: 'the client',
    },
  ],
  [
    'failure',
    taskFailure,
    {
      task: 'the task',
      attempt: 'the client',
      ...under('error', {
        code: 'the catalogue',
        message: ['max_failure_characters'],
        hint: 'the catalogue',
        exitCode: 'the catalogue',
        'place.file': 'the files of the job',
        'place.line': 'the files of the job',
        'place.column': 'the files of the job',
        'place.excerpt': 'the files of the job',
        'place.key': ['send_logs'],
        'place.site': 'the client',
        'place.round': 'the task',
        stack: ['send_logs'],
      }),
    },
  ],
];

interface Part {
  readonly type?: string;
  readonly enum?: unknown;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Part>>;
  readonly additionalProperties?: Part | boolean;
  readonly items?: Part;
  readonly anyOf?: readonly Part[];
}

/** The places of all texts and numbers that are not of a list. */
function placesIn(part: Part, path = ''): string[] {
  if (part.enum !== undefined || part.const !== undefined) return [];
  const at = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (part.anyOf) return part.anyOf.flatMap((one) => placesIn(one, path));
  if (part.items) return placesIn(part.items, `${path}[]`);
  if (part.type === 'object') {
    const open = part.additionalProperties === false ? [] : [at('*')];
    return [
      ...Object.entries(part.properties ?? {}).flatMap(([key, one]) => placesIn(one, at(key))),
      ...open,
    ];
  }
  return part.type === 'boolean' || part.type === 'null' ? [] : [path];
}

describe('every text and number that a client may send', () => {
  it.each(BOUNDS)('is held by the policy, the client or a form: %s', (_, schema, bounds) => {
    const found = placesIn(z.toJSONSchema(schema, { reused: 'inline' }) as Part);
    expect(found.toSorted()).toEqual(Object.keys(bounds).toSorted());
  });

  it('names keys that the policy of a site has', () => {
    const keys = BOUNDS.flatMap(([, , bounds]) => Object.values(bounds)).filter((bound) =>
      Array.isArray(bound),
    );
    const known = Object.keys(sitePolicySchema.shape);
    expect(keys.flat().filter((key) => !known.includes(key))).toEqual([]);
  });
});
