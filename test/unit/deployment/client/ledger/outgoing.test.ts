import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { COMMON_TASKS } from '../../../../../src/runtime/algorithms/task.ts';
import { sha256 } from '../../../../../src/runtime/base/digest.ts';
import type { ErrorRow } from '../../../../../src/runtime/base/errors/catalog/row.ts';
import { ERROR_CATALOG, type ErrorCode } from '../../../../../src/runtime/base/errors/catalog.ts';
import { checkFigures } from '../../../../../src/runtime/base/logging/check-figures.ts';
import type { MetricReport } from '../../../../../src/runtime/base/logging/metrics.ts';
import { encodeSafetensors } from '../../../../../src/runtime/base/tensors/safetensors.ts';
import { fillText } from '../../../../../src/runtime/base/text/fill-text.ts';
import { planEgress } from '../../../../../src/runtime/deployment/client/ledger/egress-plan.ts';
import { outgoing, textsOf } from '../../../../../src/runtime/deployment/client/ledger/outgoing.ts';
import {
  clientFolder,
  type SiteJobFolder,
} from '../../../../../src/runtime/deployment/client/memory/client-folder.ts';
import { withoutSitePaths } from '../../../../../src/runtime/deployment/client/memory/site-paths.ts';
import type { Outbox } from '../../../../../src/runtime/deployment/client/tasks/outbox.ts';
import { errorReport } from '../../../../../src/runtime/network/messages/shapes.ts';
import { statisticsOf } from '../../../../../src/runtime/run/statistics-of.ts';
import { sitePolicySchema } from '../../../../../src/runtime/security/policy/site-policy.ts';
import { writeJob } from '../../../../support/job-folder.ts';
import { float32 } from '../../../../support/param-sets.ts';
import { tempFolder } from '../../../../support/temp-folder.ts';

const root = tempFolder();
const MODEL = sha256('model');
const WHOLE = encodeSafetensors({ weights: float32([1, 2]) });
let folder: SiteJobFolder;
let count = 0;

beforeEach(async () => {
  folder = clientFolder(join(root, String(count++))).job('job');
  await mkdir(join(folder.root, 'models'), { recursive: true });
  await mkdir(join(folder.bundle, 'client'), { recursive: true });
  await writeFile(join(folder.bundle, 'client/train.ts'), 'first\nsecond\n');
  await writeFile(folder.model(MODEL), encodeSafetensors({ weights: float32([3, 4]) }));
});

async function send(
  {
    metrics = {},
    values,
    bytes = WHOLE,
    said = sha256(bytes),
  }: { metrics?: object; values?: object; bytes?: Uint8Array; said?: string },
  over: object = {},
) {
  await writeFile(folder.answer('model'), bytes);
  const result = {
    task: 'train/2/site-1',
    attempt: 1,
    encoding: 'safetensors',
    params_type: 'FULL',
    num_examples: 1,
    seconds: 1,
    metrics,
    ...(values && { values }),
    files: { model: { sha256: said, size: bytes.length } },
  };
  return leave({ result, files: { model: folder.answer('model') } }, over);
}

async function fail(message: string, place: object = {}, over: object = {}, isPrivate = false) {
  const error = { code: 'NF_SCRIPT_FAILED', message, hint: 'h', exitCode: 1, place, stack: 'at /data/x' };
  const { failure } = (await leave(
    { failure: { task: 'train/2/site-1', attempt: 1, error } },
    over,
    isPrivate,
  )) as {
    failure: { error: { message: string; place: { line?: number; column?: number }; stack?: string } };
  };
  return failure.error;
}

function leave(answer: object, over: object, isPrivate = false) {
  const policy = sitePolicySchema.parse({ version: 1, ...over });
  const known = textsOf({ model: { classes: ['glioma', 'none'] } });
  const outbox = { model_sha256: MODEL, answer } as unknown as Outbox;
  return outgoing(outbox, { policy, known, folder, site: 'site-1', isPrivate, tasks: COMMON_TASKS });
}

const refused = (code: string) => ({ failure: { task: 'train/2/site-1', error: { code } } });

describe('what leaves a site with a task', () => {
  it.each([
    ['may', {}, 10],
    ['may not: false', { image_profile: false }, 10],
    ['may not: of too few groups for the site', { least_people: 11 }, 10],
    ['may: of enough', { least_people: 11 }, 11],
    ['may not: of an unknown number of groups', {}, undefined],
  ])('has sums over training pictures where they %s, and else all but them', async (may, policy, groups) => {
    const told = {
      version: 1,
      image_size: 8,
      separate: false,
      pictures: 30,
      sums: [1],
      products: [2],
      held_out: [],
    };
    const profile = { ...told, ...(groups !== undefined && { groups }) };
    const { result } = (await send({ metrics: { accuracy: 0.5, image_profile: profile } }, policy)) as {
      result: { metrics: object };
    };
    expect(result.metrics).toEqual({
      accuracy: 0.5,
      image_profile: may.startsWith('may not') ? null : profile,
    });
  });

  it('has of a failure of a private job its code and its line, and no word of the script', async () => {
    const place = { file: 'client/train.ts', line: 2 };
    const told = await fail('patient 17 has a tumour of 3 cm', place, { send_logs: true }, true);
    expect(told).toMatchObject({ code: 'NF_SCRIPT_FAILED', place: { line: 2 } });
    expect(told.message).not.toBe('');
    expect(JSON.stringify(told)).not.toMatch(/patient|3 cm|data/);
  });

  it('is what the script sends, where that is figures and a model', async () => {
    const metrics = {
      accuracy: 0.5,
      classes: ['glioma', 'none'],
      recall: { glioma: null },
      undefined_because: { 'recall.glioma': 'no example of glioma', loss: 'no examples' },
    };
    expect(await send({ metrics })).toMatchObject({ result: { metrics } });
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
  ])('is a gap where a figure is %s, as in a simulation, with that for its reason', async (text, value) => {
    const metrics = checkFigures({ accuracy: value, recall: { glioma: value, none: 1 } });
    expect(metrics).toEqual({
      accuracy: null,
      recall: { glioma: null, none: 1 },
      undefined_because: { accuracy: text, 'recall.glioma': text },
    });
    expect(await send({ metrics })).toMatchObject({ result: { metrics } });
  });

  it('is refused with the place of a text in it', async () => {
    const metrics = { accuracy: null, undefined_because: { accuracy: 'NaN of secret' }, a: [{ b: 1 }] };
    expect(await send({ metrics })).toMatchObject({
      failure: { error: { message: expect.stringContaining("'undefined_because.accuracy' is a text") } },
    });
    expect(await send({ metrics: { a: [1, { b: 'x' }] } })).toMatchObject({
      failure: { error: { message: expect.stringContaining("'a[1].b' is a text") } },
    });
  });

  it.each([
    ['a text', { note: 'secret' }],
    ['a text in a list', { a: [[{ b: 'secret' }]] }],
    ['a text like an own reason', { a: 'no example of secret' }],
    ['many names', Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`m${at}`, 1]))],
    ['a long name', { ['x'.repeat(201)]: 1 }],
    ['many numbers', { a: Array(10_000).fill(0.25) }],
  ])('is no figures with %s', async (_, metrics) => {
    expect(await send({ metrics })).toMatchObject(refused('NF_SITE_FIGURES'));
  });

  it.each([
    ['a text', { steps: 'secret' }, { steps: 3 }],
    ['a text in a value', { steps: 3 }, { steps: 'secret' }],
    [
      'many names',
      { steps: Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`m${at}`, 1])) },
      { steps: 3 },
    ],
    [
      'many names in all',
      Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`m${at}`, 1])),
      { m1: 3 },
    ],
    ['many numbers', { steps: Array(10_000).fill(0.25) }, { steps: 3 }],
  ])('hides no figure of %s behind a value of the same name', async (_, metrics, values) => {
    expect(await send({ metrics, values })).toMatchObject(refused('NF_SITE_FIGURES'));
  });

  it('may be more where the site says so', async () => {
    const metrics = { note: 'said', numbers: Array(10_000).fill(0.25) };
    const over = { figures_text: true, max_figures_kb: 100, max_figures: 20_000 };
    expect(await send({ metrics }, over)).toMatchObject({ result: { metrics } });
  });

  it.each([
    ['metadata', { __metadata__: { x: 'hidden' } }],
    ['another order', {}],
  ])('is no model file with %s', async (name, more) => {
    const entry = { weights: { shape: [2], dtype: 'F32', data_offsets: [0, 8] } };
    const text = Buffer.from(JSON.stringify(name === 'metadata' ? { ...more, ...entry } : entry));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    const bytes = Buffer.concat([length, text, Buffer.alloc(8)]);
    expect(await send({ bytes })).toMatchObject(refused('NF_TENSORS_FILE'));
  });

  it('is no file with other bytes than its name says, nor of another model', async () => {
    expect(await send({ said: 'a'.repeat(64) })).toMatchObject(refused('NF_SITE_UPDATE'));
    const bytes = encodeSafetensors({ weights: float32([1, 2, 3]) });
    expect(await send({ bytes })).toMatchObject(refused('NF_TENSORS_SHAPE'));
  });
});

describe('a failure that leaves a site', () => {
  it('has no paths, no names of subjects and no stack', async () => {
    const { message, stack } = await fail(
      "cannot read '/srv/data/sub-008/anat/x.nii.gz' or C:\\data\\mri\\y.png or sub-009/anat/z.nii, in client/train.ts",
    );
    expect(message).toBe("cannot read '<path>' or <path> or <path>, in client/train.ts");
    expect(stack).toBeUndefined();
  });

  it.each([
    ["ENOENT: no such file or directory, open '/srv/Müller, Anna (2)/t1 post.nii.gz'", "open '<path>'"],
    ['Image not found: /srv/Müller, Anna/t1 post.nii.gz', 'Image not found: <path>'],
    ['bad header in /Mueller_Anna.nii.gz at byte 3', 'bad header in <path> at byte 3'],
    ['no voxels in patients/mueller/t1.nii', 'no voxels in <path>'],
    ['cannot open "Anna Müller.dcm" here', 'cannot open "<path>" here'],
    ['cannot open `C:\\data\\Anna Müller\\t1.png`', 'cannot open `<path>`'],
    ['from file:///srv/data/anna and \\\\nas\\mri\\anna', 'from file://<path> and \\<path>'],
    [
      "The site's script: no voxels in /srv/anna/x y.nii, opened as '/srv/anna/x y.nii'",
      "The site's script: no voxels in <path>, opened as '<path>'",
    ],
    ["cannot use 'client/train.ts' nor 'client/anna.ts'", "cannot use 'client/train.ts' nor '<path>'"],
    ['1/2 of 3/4 images, at 0.5/s, and/or none', '1/2 of 3/4 images, at 0.5/s, and/or none'],
    [
      "Did you mean 'batch_size'? participants.tsv has no column 'age'.",
      "participants.tsv has no column 'age'",
    ],
  ])('of "%s" says "%s"', async (text, said) => {
    const { message } = await fail(text);
    expect(message).toContain(said);
    expect(message).not.toMatch(/anna|müller|mueller/i);
  });

  // A pattern that looks through the rest of the text for each place in it takes 10 s of a core and more for some of these.
  it.each(['/', 'a', 'a.', ' /a', '"a.', " /a'", 'sub-', '.nii'])(
    'is looked through once, though it is all %j',
    (part) => {
      const message = part.repeat(60_000 / part.length);
      const began = process.cpuUsage().user;
      withoutSitePaths({ code: 'NF_SCRIPT_FAILED', message, hint: '', exitCode: 1 });
      expect((process.cpuUsage().user - began) / 1e6).toBeLessThan(4);
    },
  );

  it('has no name of a file that its place knows, and nothing that is no part of a failure', async () => {
    const file = '/srv/Müller Anna/notes of Anna';
    const { message, place, ...rest } = await fail(`${file}: notes of Anna is empty`, { file, line: 2 });
    expect(message).toBe('<path>: <path> is empty');
    expect(place).toEqual({});
    expect(Object.keys(rest).sort()).toEqual(['code', 'exitCode', 'hint']);
  });

  it('has lines of the job alone, as they stand there', async () => {
    const own = { file: 'client/train.ts', line: 2, excerpt: 'made up', site: 'site-1', key: 'secret' };
    expect((await fail('x', own)).place).toEqual({
      file: 'client/train.ts',
      line: 2,
      excerpt: '2 | second',
      site: 'site-1',
    });
    for (const file of ['/srv/data/participants.tsv', '../../startup/client.key', 'sub-008.tsv'])
      expect((await fail('x', { file, line: 1, excerpt: 'name age', round: 2 })).place).toEqual({ round: 2 });
  });

  it.each([
    ['a column far beyond the line', { line: 1, column: 536_000 }, { line: 1, excerpt: '1 | first' }],
    ['a column at its end', { line: 1, column: 6 }, { line: 1, column: 6, excerpt: '1 | first\n  |      ^' }],
    ['a column before the line', { line: 2, column: -7 }, { line: 2, excerpt: '2 | second' }],
    ['a column between two letters', { line: 2, column: 1.5 }, { line: 2, excerpt: '2 | second' }],
    ['a line beyond the file', { line: 987_654_321, column: 3 }, {}],
    ['a line before the file', { line: 0 }, {}],
  ])('is bounded by the text of the file, with %s', async (_, said, told) => {
    expect((await fail('x', { file: 'client/train.ts', ...said })).place).toMatchObject(told);
    const { place } = await fail('x', { file: 'client/train.ts', ...said });
    for (const number of [{ ...place }.line, { ...place }.column])
      expect(number === undefined || [1, 2, 6].includes(number)).toBe(true);
    expect(JSON.stringify(place).length).toBeLessThan(200);
  });

  it('names no folder of the job as a file', async () => {
    expect((await fail('x', { file: 'client', line: 1, round: 2 })).place).toEqual({ round: 2 });
  });

  it('has code, hint and exit code of the catalogue, whatever the script says', async () => {
    const error = { code: 'MARIA_MUSTER', message: 'm', hint: 'born 1950', exitCode: 1234567890123 };
    const { failure } = (await leave({ failure: { task: 'train/2/site-1', attempt: 1, error } }, {})) as {
      failure: { error: object };
    };
    const hint = 'Correct the script, then run the job anew.';
    expect(failure.error).toEqual({ code: 'NF_SCRIPT_FAILED', message: 'm', hint, exitCode: 1 });
    const own = { ...error, code: 'NF_SCRIPT_LOAD' };
    expect(await leave({ failure: { round: 2, attempt: 1, error: own } }, {})).toMatchObject({
      failure: { error: { code: 'NF_SCRIPT_LOAD', hint: expect.not.stringContaining('1950') } },
    });
  });

  const ABOUT_DATA =
    /^NF_(?:BIDS|CHANNEL|CHECK|DATA|DEFACE|DICOM|NIFTI|PREPARE|QUALITY|SELECT|SPLIT|TABLE|VOLUME)_/;
  const codes = Object.keys(ERROR_CATALOG).filter((code) => ABOUT_DATA.test(code));

  it('says in general what is wrong with data, and names no cell of a table', async () => {
    const said: string[] = [];
    for (const code of [...codes, 'NF_TRAIN_CLASSES', 'NF_TRAIN_SCORE', 'NF_HARMONISE_FEW']) {
      const row: ErrorRow = ERROR_CATALOG[code as ErrorCode];
      const names = [...row.message.matchAll(/\{\$?(\w+)/g)].map(([, name = '']) => name);
      const message = fillText(row.message, Object.fromEntries(names.map((name) => [name, 'Anna Schmidt'])));
      const error = { code, message, hint: message, exitCode: row.exit };
      const left = JSON.stringify(
        await leave({ failure: { task: 'train/2/site-1', attempt: 1, error } }, {}),
      );
      if (/Anna|Schmidt/.test(left) || !left.includes(code)) said.push(code);
    }
    expect(codes.length).toBeGreaterThan(100);
    expect(said).toEqual([]);
  });

  it('says what is wrong with data in the words of the site where its logs may leave', async () => {
    const message = "The label map lacks 1 value of the column 'name': 'Anna Schmidt' (line 2).";
    const error = { code: 'NF_SELECT_UNMAPPED', message, hint: 'h', exitCode: 4 };
    const failure = { task: 'train/2/site-1', attempt: 1, error };
    expect(await leave({ failure }, { send_logs: true })).toMatchObject({ failure: { error: { message } } });
    expect(await leave({ failure }, {})).toMatchObject({
      failure: {
        error: { message: "The label map lacks {count} values of the column '{column}': {values}." },
      },
    });
  });

  it('fits into a message where the site lets out all of it', async () => {
    const place = { file: 'f'.repeat(9000), excerpt: 'e'.repeat(900_000), line: 1, column: 2 };
    const error = await fail('x', place, { send_logs: true });
    expect(errorReport.safeParse(error).error).toBeUndefined();
  });

  it('is cut', async () => {
    expect((await fail('x'.repeat(5000))).message).toHaveLength(500);
    expect((await fail('/srv/data/x', {}, { send_logs: true })).message).toBe('/srv/data/x');
  });
});

describe('the most that leaves of a task', () => {
  /** What a task of a job of one round may send at most, by the plan that its owner is shown. */
  const planned = async (what: 'figures' | 'failure', over: object) => {
    const policy = sitePolicySchema.parse({ version: 1, ...over });
    const job = await writeJob(join(root, `job-${count++}`), { patch: { workflow: { num_rounds: 1 } } });
    const { parts } = await planEgress(job, { folder: clientFolder(root), policy });
    return Number(parts.find((part) => part.what === what)?.bytes) / 2;
  };
  const bytesOf = (message: object) => Buffer.byteLength(JSON.stringify(message));
  const named = (names: number, name: (at: number) => string, value: unknown) =>
    Object.fromEntries(Array.from({ length: names }, (_, at) => [name(at), value]));
  const classes = Array.from({ length: 30 }, () => 'none');

  it.each([
    ['short names of long numbers', named(200, String, -1.2345678901234567e99)],
    ['short names of short numbers', named(200, String, 1)],
    ['long names of another writing', named(100, (at) => `${at}${'脳'.repeat(50)}`, 0.1)],
    ['names of signs that JSON writes with six bytes', named(60, (at) => `${at}${'\u0001'.repeat(40)}`, 0.1)],
    ['a list of many numbers', { list: Array(7_900).fill(1) }],
    [
      'the counts of many classes',
      { classes, confusion: classes.map(() => Array(30).fill(1e6)), num_examples: 9e8, loss: 0.1 },
    ],
  ])('is within the plan, of figures that are %s', async (_, metrics) => {
    const { result } = (await send({ metrics })) as { result: { metrics: MetricReport } };
    // The longest numbers that they come to.
    const statistics = statisticsOf(result.metrics, 987_654_321_012.3456);
    expect(bytesOf({ ...result, statistics })).toBeLessThanOrEqual(await planned('figures', {}));
  });

  it('has sums for harmonisation, and tells whom what is made of them goes to', async () => {
    const plan = async (harmonisation: string) => {
      const patch = {
        workflow: { num_rounds: 1, harmonisation },
        data: { root: 'bids' },
        model: { initial_params: undefined, type: 'mri-cnn', image_size: 32, classes: ['a', 'b'] },
      };
      const job = await writeJob(join(root, `job-${count++}`), { patch });
      const policy = sitePolicySchema.parse({ version: 1 });
      return planEgress(job, { folder: clientFolder(root), policy });
    };
    const [none, nyul, combat] = [await plan('none'), await plan('nyul'), await plan('combat')];
    const sums = [none, nyul, combat].map(({ parts }) => parts.find(({ what }) => what === 'harmonisation'));
    expect(sums).toMatchObject([undefined, { bytes: expect.any(Number) }, { bytes: expect.any(Number) }]);
    for (const { parts } of [none, nyul, combat])
      expect(parts.find(({ what }) => what === 'figures')?.requests).toMatch(
        /^once in each of 2 rounds, [0-9]+ names/,
      );
    expect([none, nyul, combat].map(({ goes_on: goesOn }) => goesOn.length)).toEqual([0, 0, 1]);
  });

  it.each([
    ['a short one', {}],
    ['the longest', { max_failure_characters: 20_000 }],
    ['a short one with all that is told of it', { send_logs: true }],
    ['the longest with all that is told of it', { send_logs: true, max_failure_characters: 1_000_000 }],
  ])('is within the plan, of a failure: %s', async (_, over) => {
    await writeFile(join(folder.bundle, 'client/train.ts'), `// ${'\u0001'.repeat(10_000)}\n`.repeat(20));
    const long = '\u0001'.repeat(100_000);
    const place = { file: 'client/train.ts', key: long, excerpt: long, line: 10, column: 5_000, round: 1 };
    const error = { code: 'NF_SCRIPT_FAILED', message: long, hint: long, exitCode: 1, place, stack: long };
    const left = await leave({ failure: { task: 'train/2/site-1', attempt: 1, error } }, over);
    expect(bytesOf((left as { failure: object }).failure)).toBeLessThanOrEqual(
      await planned('failure', over),
    );
  });
});
