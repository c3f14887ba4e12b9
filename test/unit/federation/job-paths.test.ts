import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { initialModel } from '../../../src/runtime/federation/initial-model.ts';
import { filesOf, loadSubmittedJob } from '../../../src/runtime/federation/submitted-job.ts';
import { JOB_PATHS, LOCAL_FILES } from '../../../src/runtime/job/job-paths.ts';
import { loadJob } from '../../../src/runtime/job/load.ts';
import { jobFileSchema } from '../../../src/runtime/job/schema.ts';
import { WireWriter } from '../../../src/runtime/learning/engine/onnx/wire.ts';
import { EXPORT_FORMATS, exportModel } from '../../../src/runtime/learning/export/export-model.ts';
import { initialParams } from '../../../src/runtime/learning/models/initial-params.ts';
import { modelSpecSchema } from '../../../src/runtime/learning/models/spec.ts';
import { type JobPatch, writeJob } from '../../support/job-folder.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const MOST = 1_000_000;
const SPEC = { type: 'mri-cnn', image_size: 16, num_classes: 2, width: 8 };

let count = 0;
async function newJob(patch: JobPatch = {}, files: Readonly<Record<string, string | Uint8Array>> = {}) {
  const parent = join(root, String(count++));
  await mkdir(parent);
  await writeFile(join(parent, 'secret'), 'x');
  return writeJob(join(parent, 'job'), { patch, files });
}
/** A patch with one key, `a.b`, set. */
const at = (key: string, value: unknown): JobPatch => {
  const [outer = '', inner = ''] = key.split('.');
  const model = outer === 'model' && inner === 'import' ? { ...SPEC, initial_params: undefined } : {};
  const data = key === 'data.split' ? { root: 'bids' } : {};
  return { [outer]: { ...model, ...data, [inner]: value } };
};
const importing = (path: string) => at('model.import', path);
const submit = (folder: string) => loadSubmittedJob(folder, { modelComesApart: false, mostModelBytes: MOST });
const makeOnServer = async (folder: string) =>
  initialModel((await loadJob(folder)).definition, filesOf(folder, MOST));

interface Node {
  type?: string;
  enum?: unknown;
  const?: unknown;
  pattern?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
  $ref?: string;
}

/** Keys whose values are free text: neither one of a list nor of a pattern. */
function textKeys(node: Node, key = ''): string[] {
  if (node.enum || node.const || node.pattern || node.$ref) return [];
  if (node.type === 'string') return [key];
  const below = (name: string) => (key === '' ? name : `${key}.${name}`);
  const { additionalProperties: more } = node;
  return [
    ...Object.entries(node.properties ?? {}).flatMap(([name, inner]) => textKeys(inner, below(name))),
    ...(typeof more === 'object' ? textKeys(more, below('*')) : []),
    ...(node.items ? textKeys(node.items, below('[]')) : []),
    ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((inner) => textKeys(inner, key)),
  ];
}

/** Words for people and scripts: nothing opens a file by them. */
const NO_PATHS = new Set([
  'description',
  'data.selection.filter.*',
  'data.selection.filter.*.[]',
  'data.selection.channels.[].filter.*',
  'data.selection.channels.[].filter.*.[]',
  'data.selection.label_column',
  'data.selection.group_column',
  // Compared with the names of folders that the data set has.
  'data.masks.derivative',
  'executor.declared_args.*.description',
  // What a script in Python finds in sys.argv.
  'executor.script_args',
  'executor.script_args.[]',
  'sites.*.script_args',
  'sites.*.script_args.[]',
  'workflow.key_metric',
  'workflow.local_tensors.[]',
  'workflow.personalize_tensors.[]',
  'workflow.averaged_tensors.[]',
  'model.type',
  'model.classes.[]',
  'model.labels.[]',
  'model.frozen_to',
  'task_result_filters.[].exclude_vars',
  'task_result_filters.[].exclude_vars.[]',
]);

/** Begins at the data of a site; the schema refuses what leaves them, and the site a link that does. */
const OF_DATA = 'data.selection.labels';

describe('every key of a job that is free text', () => {
  const model = z.toJSONSchema(modelSpecSchema, { io: 'input' }) as Node;
  const job = z.toJSONSchema(jobFileSchema, { io: 'input' }) as Node;
  const keys = new Set([...textKeys(job), ...textKeys(model, 'model')]);

  it('is known as a path, or as none', () => {
    const paths = Object.keys(JOB_PATHS);
    expect([...keys].filter((key) => !NO_PATHS.has(key)).sort()).toEqual([...paths, OF_DATA].sort());
  });

  it.each(['../secret', '/dev/zero', 'phenotype/../../secret', 'C:\\secret'])(
    `${OF_DATA}: %s is refused`,
    async (labels) => {
      const data = { root: 'bids', selection: { labels } };
      const error = await submit(await newJob({ data })).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'NF_JOB_INVALID', place: { key: OF_DATA } });
    },
  );

  const opened = Object.entries(JOB_PATHS).filter(([, rule]) => rule !== 'site');
  const outside = [
    '../secret',
    '/dev/zero',
    '/etc/hostname',
    'client/../../secret',
    './.././secret',
    '.',
    '..',
  ];
  it.each(opened.flatMap(([key]) => outside.map((path) => [key, path])))(
    '%s: %s is refused',
    async (key, path) => {
      const error = await submit(await newJob(at(key, path))).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: expect.stringMatching(/^NF_JOB_(PATH|SCRIPT_MISSING)$/),
        place: { key, line: expect.any(Number) },
      });
      expect(String(error)).not.toContain(root);
    },
  );

  it.each(opened)('%s leads to nothing that is no file of the bundle', async (key) => {
    for (const path of ['none.ts', '.hidden', 'node_modules/x/model.safetensors', 'README.md', 'client']) {
      const folder = await newJob(at(key, path), { '.hidden': 'x', 'README.md': 'x' });
      await expect(submit(folder), path).rejects.toMatchObject({
        code: expect.stringMatching(/^NF_JOB_(DATA|SCRIPT_MISSING)$/),
      });
    }
  });

  it.each(Object.entries(JOB_PATHS).filter(([, rule]) => rule === 'site'))(
    '%s is for a site, whose own folder takes its place: nothing is read',
    async (key) => {
      const folder = await newJob(at(key, '/dev/zero'));
      await submit(folder);
      expect(Object.keys(await makeOnServer(folder))).toEqual(['weights']);
    },
  );
});

/** A model whose file, in each format, names another file. */
const LEADS_OUT: Record<(typeof EXPORT_FORMATS)[number], (folder: string, path: string) => Promise<string>> =
  {
    tfjs: async (folder, path) => {
      await exportModel({
        spec: SPEC,
        params: initialParams(SPEC),
        format: 'tfjs',
        out: join(folder, 'm'),
        force: true,
      });
      const file = join(folder, 'm/model.json');
      const model = JSON.parse(await readFile(file, 'utf8'));
      model.weightsManifest[0].paths = [path];
      await writeFile(file, JSON.stringify(model));
      return 'm/model.json';
    },
    onnx: async (folder, path) => {
      const entry = new WireWriter().string(1, 'location').string(2, path);
      const tensor = new WireWriter()
        .int(1, 1)
        .int(2, 1)
        .string(8, 'conv1/kernel')
        .message(13, entry)
        .int(14, 1);
      const model = new WireWriter().message(7, new WireWriter().message(5, tensor));
      await writeFile(join(folder, 'm.onnx'), model.finish());
      return 'm.onnx';
    },
    // A format without names of other files: the link is the file itself.
    safetensors: async (folder, path) => {
      await symlink(path, join(folder, 'm.safetensors'));
      return 'm.safetensors';
    },
  };

describe.each(EXPORT_FORMATS)('a model to begin with in the format %s', (format) => {
  it.each([
    '../secret',
    '../../secret',
    '/dev/zero',
    '/etc/hostname',
    'sub/x.bin',
    'C:\\x.bin',
    'https://x/y',
    '..',
  ])('names no other file: %s', async (path) => {
    const folder = await newJob(importing(`m.${format}`));
    const name = await LEADS_OUT[format](folder, path);
    await writeJob(folder, { patch: importing(name) });
    await expect(makeOnServer(folder)).rejects.toMatchObject({
      code: expect.stringMatching(/^NF_(IMPORT_FILE|JOB_PATH|JOB_DATA)$/),
      message: expect.not.stringContaining(root === '' ? 'x' : join(root, 'secret')),
    });
  });

  it('is read from the bundle as from anywhere', async () => {
    const name = { tfjs: 'm', onnx: 'm.onnx', safetensors: 'm.safetensors' }[format];
    const folder = await newJob(importing(name));
    const params = initialParams(SPEC, 3);
    await exportModel({ spec: SPEC, params, format, out: join(folder, name), force: true });
    await submit(folder);
    expect(await makeOnServer(folder)).toEqual(params);
    const { definition } = await loadJob(folder);
    expect(await initialModel(definition, LOCAL_FILES)).toEqual(params);
  });

  it('may be no larger than a model may', async () => {
    const name = { tfjs: 'm/model.json', onnx: 'm.onnx', safetensors: 'm.safetensors' }[format];
    const folder = await newJob(importing(name), { [name]: '' });
    await truncate(join(folder, name), MOST + 1);
    await expect(makeOnServer(folder)).rejects.toMatchObject({
      code: 'NF_JOB_PATH',
      message: expect.stringContaining(`it has ${MOST + 1} bytes`),
    });
  });

  it('reads no pipe, no device and no folder of a local job, and waits for nobody', async () => {
    const folder = await newJob();
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const path of ['pipe', '/dev/zero', '/dev/null', 'client']) {
      await writeJob(folder, { patch: at('model.initial_params', path) });
      const { definition } = await loadJob(folder);
      await expect(initialModel(definition, LOCAL_FILES), path).rejects.toMatchObject({
        code: 'NF_JOB_PATH',
      });
    }
  });
});

describe('the size of a model', () => {
  const large = [
    ['arrays', { initial_params: { w: { shape: [400_000_000], data: 1 } } }],
    ['arrays that overflow', { initial_params: { w: { shape: [1e15, 1e15, 1e15], data: 1 } } }],
    [
      'many arrays',
      {
        initial_params: Object.fromEntries(
          Array.from({ length: 50 }, (_, i) => [`w${i}`, { shape: [9000], data: 1 }]),
        ),
      },
    ],
    ['a network', { ...SPEC, initial_params: undefined, width: 256 }],
  ] as const;
  it.each(large)('is known before it is made: %s', async (_, model) => {
    await expect(submit(await newJob({ model }))).rejects.toMatchObject({
      code: 'NF_JOB_MODEL_SIZE',
      place: { key: expect.stringMatching(/^model/), line: expect.any(Number) },
    });
  });
});
