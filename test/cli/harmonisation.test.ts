import { readFileSync, writeFileSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import { classEvaluationSchema } from '../../src/runtime/evaluation/class-result.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { imagePath, subjectsOf, type TestImage, writeTree } from '../unit/learning/bids-tree.ts';

const cwd = tempFolder();
const PEOPLE = 36;
const SIDE = 24;
const IMAGE = imagePath('bids', '1');

/** Every second pair of people is seen by the other scanner. */
const scannerOf = (index: number) => Math.floor(index / 2) % 2;

/** A head of uneven greys with a bright or dark spot; the second scanner's curve of greys is steeper, and it sees noise in the air. */
function seenByScanner({ id, diagnosis }: { id: string; diagnosis: string }, index: number): TestImage {
  const random = createRandom('head', id);
  const [row, column, tilt] = [7 + random.int(10), 7 + random.int(10), random.next()];
  const data = Float32Array.from({ length: SIDE * SIDE }, (_, at) => {
    const [y, x] = [Math.floor(at / SIDE), at % SIDE];
    const air = scannerOf(index) * 30 * random.next();
    if (Math.hypot(x - 11.5, y - 11.5) >= 11) return air;
    const isSpot = Math.hypot(x - column, y - row) < 3;
    const spot = diagnosis === 'bright' ? 1 : 0.25;
    const tissue = isSpot ? spot : 0.4 + 0.4 * ((tilt * x + (1 - tilt) * y) / SIDE) + 0.1 * random.next();
    return 1000 * tissue ** (scannerOf(index) ? 1.5 : 0.8);
  });
  return { shape: [SIDE, SIDE, 1], data };
}

/** What `evaluate` says. */
let said = '';

beforeAll(async () => {
  const subjects = subjectsOf(['bright', 'dark'], { count: PEOPLE, partition: '' });
  const sited = subjects.map((subject, at) => ({ ...subject, partition: `site-${1 + scannerOf(at)}` }));
  const root = await writeTree(sited, seenByScanner);
  await rename(root, join(cwd, 'bids'));
  const table = join(cwd, 'bids/participants.tsv');
  writeFileSync(table, readFileSync(table, 'utf8').replace('partition', 'site'));
  for (const line of [
    'preprocess split bids --strategy column --validation 0.2 --test 0.2 --out split.json',
    'job create job --template mri-fedavg --set data=bids --set split=split.json --set name=heads --set classes=[bright,dark] --set workflow.harmonisation=combat',
    'simulate job -q --set num_rounds=1 --set image_size=32 --set model.width=8 --set local_epochs=1',
    'evaluate heads -q --no-controls --replicates 100 --cases 0',
    'report heads -q',
  ]) {
    const { code, stderr, stdout } = await runCli(line.split(' '), { cwd });
    expect(code, stderr).toBe(0);
    if (line.startsWith('evaluate')) said = stdout;
  }
}, 120_000);

describe('a run on harmonised pictures', () => {
  it('is judged by how well scanner and class are told before and after', () => {
    const text = readFileSync(join(cwd, 'work/heads/latest/evaluation/evaluation.json'), 'utf8');
    const { harmonisation } = classEvaluationSchema.parse(JSON.parse(text));
    expect(harmonisation).toMatchObject({ method: 'combat', undefined_because: null });
    for (const { scanner, class: own } of harmonisation?.views ?? []) {
      expect(scanner.before.value).toBeGreaterThan(0.9);
      expect(scanner.change.high).toBeLessThan(0);
      expect(scanner.change.value).toBeCloseTo((scanner.after.value ?? 0) - (scanner.before.value ?? 0), 10);
      expect(own.change.high).toBeGreaterThanOrEqual(0);
    }
    expect(harmonisation?.views.map(({ view }) => view)).toEqual(['greys', 'pixels']);
    expect(said.match(/harmonised by combat: (scanner|class) told by (greys|pixels) for/g)).toHaveLength(4);
  });

  it('has both in its report', () => {
    const page = readFileSync(join(cwd, 'work/heads/latest/report.html'), 'utf8');
    const [, section = ''] = /<h2>Scanners<\/h2>(.*?)<\/section>/s.exec(page) ?? [];
    expect(section.match(/<td class="text">(site|class), by/g)).toHaveLength(4);
    expect(section).toContain('(combat)');
  });

  it('predicts images by the effects of the site that is named, and says so where none is', async () => {
    const named = await runJson(['predict', 'heads', IMAGE, '--site', 'site-2', '-q'], { cwd });
    expect(named.answer.data).toMatchObject({
      harmonisation: { site: 'site-2', rule: 'effects of the site', note: null },
    });
    const unnamed = await runCli(['predict', 'heads', IMAGE, '-q'], { cwd });
    expect(unnamed.stdout).toContain('No site is named: greys are brought to the mean landmarks');
    const wrong = await runJson(['predict', 'heads', IMAGE, '--site', 'site-3', '-q'], { cwd });
    expect(wrong.answer).toMatchObject({ error_code: 'NF_PREDICT_SITE', exit_code: 4 });
  });

  it('takes what was done along when it is exported', async () => {
    const { answer } = await runJson(['export', 'heads', '--format', 'safetensors', '--out', 'own'], { cwd });
    expect(answer.data).toMatchObject({ files: [expect.anything(), 'own.harmonisation.json'] });
    const [own, run] = ['own.harmonisation.json', 'work/heads/latest/harmonisation.json'].map((path) =>
      JSON.parse(readFileSync(join(cwd, path), 'utf8')),
    );
    expect(own).toEqual(run);
  });

  it.each([
    ['is missing', undefined],
    ['is none', '{"version": 7}'],
  ])('is not judged on other pictures where the file of what was done %s', async (_, text) => {
    const copy = join(cwd, 'copy');
    await cp(join(cwd, 'work/heads/latest'), copy, { recursive: true, dereference: true });
    const file = join(copy, 'harmonisation.json');
    if (text === undefined) await rm(file);
    else writeFileSync(file, text);
    for (const command of [
      ['evaluate', 'copy'],
      ['predict', 'copy', IMAGE],
    ])
      expect((await runJson([...command, '-q'], { cwd })).answer).toMatchObject({
        error_code: 'NF_RUN_HARMONISATION',
        location: { file: expect.stringMatching(/harmonisation\.json$/) },
      });
    await rm(copy, { recursive: true });
  });
});
