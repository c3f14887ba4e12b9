import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import { commandsOf, ROOT, wordsOf } from '../support/docs-commands.ts';
import { madeSeries, SECRETS, writeSeries } from '../support/made-dicom.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { headSlices, type MadeHead, madeHead } from '../support/whole-head.ts';

const cwd = tempFolder();
const PAGE = 'docs/your-own-data.md';
const SECTION = 'A folder of DICOM';
const PATIENTS = 12;

/** A head with folds of its own, and with a bright core in every second patient. */
function headOf(patient: number): MadeHead {
  const own = createRandom('dicom-head', patient);
  const [turn, fold, skin] = [3 * own.next(), 0.1 + 0.1 * own.next(), 0.4 + 0.6 * own.next()];
  return madeHead({
    seed: patient,
    voxel: [5, 5, 6],
    shape: [38, 52, 36],
    factor: (tissue, [x, y, z]) => {
      if (tissue === 'skin' || tissue === 'face') return skin;
      if (tissue !== 'brain') return 1;
      const core = patient % 2 && Math.hypot(x, y, z) < 30 ? 1.4 : 1;
      return core * (1 + 0.35 * Math.sin(fold * (x * Math.cos(turn) + y * Math.sin(turn)) + patient));
    },
  });
}

beforeAll(async () => {
  for (let patient = 0; patient < PATIENTS; patient++) {
    const root = `1.2.826.0.1.3680043.10.999.${patient}`;
    const head = headSlices(headOf(patient));
    const values = {
      ...head.values,
      PatientID: `MRN-4711-${patient}`,
      StudyInstanceUID: `${root}.1`,
      SeriesInstanceUID: `${root}.2`,
      ProtocolName: undefined,
    };
    const each = (index: number) => ({
      ...head.each(index),
      SOPInstanceUID: `${root}.3.${index}`,
    });
    await writeSeries(
      join(cwd, 'dicom', `DOE_${patient}`),
      madeSeries({ slices: head.slices, values, each }),
    );
  }
  const labels = Array.from(
    { length: PATIENTS },
    (_, patient) => `MRN-4711-${patient},${patient % 2 ? 'glioma' : 'no_tumor'}`,
  );
  await writeFile(join(cwd, 'labels.csv'), ['patient_id,diagnosis', ...labels].join('\n'));
  const page = await readFile(join(ROOT, PAGE), 'utf8');
  const [, map = ''] = /^```yaml\n(.*?)^```$/ms.exec(page.split(`## ${SECTION}\n`)[1] ?? '') ?? [];
  await writeFile(join(cwd, 'map.yaml'), map);
});

describe('the page "Your own data"', () => {
  it('takes a folder of DICOM to a judged model by its commands, and no output names a patient', async () => {
    const commands = commandsOf(PAGE, SECTION);
    expect(commands).toHaveLength(9);
    for (const command of commands) {
      const short = command.replace('num_rounds=20', 'num_rounds=1 --set local_epochs=1 --set image_size=32');
      const { code, stdout, stderr } = await runCli([...wordsOf(short), '--quiet'], { cwd });
      expect([command, code, stderr]).toEqual([command, 0, '']);
      expect(SECRETS.filter((secret) => stdout.includes(secret))).toEqual([]);
    }
    const faces = await readFile(join(cwd, 'bids', 'code', 'defacing.tsv'), 'utf8');
    expect(faces.match(/\tremoved\t/g)).toHaveLength(PATIENTS);
    const table = await readFile(join(cwd, 'bids', 'participants.tsv'), 'utf8');
    expect(table.match(/\tglioma$/gm)).toHaveLength(PATIENTS / 2);
    const checked = await runJson(['preprocess', 'check', 'bids'], { cwd });
    expect(checked.answer).toMatchObject({ data: { counts: { error: 0, warning: 0 } } });
  });
});
