import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/runtime/base/random.ts';
import { commandsOf, ROOT, wordsOf } from '../support/docs-commands.ts';
import { madeSeries, SECRETS, writeSeries } from '../support/made-dicom.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const PAGE = 'docs/your-own-data.md';
const SECTION = 'A folder of DICOM';
const PATIENTS = 12;
const [COLUMNS, ROWS, SLICES] = [20, 24, 8];

/** A head with folds of its own in dark air, and with a bright core in every second patient. */
function slice(patient: number, index: number): ArrayBuffer {
  const own = createRandom('dicom-head', patient);
  const [width, height, turn, fold] = [
    7 + 2 * own.next(),
    8 + 3 * own.next(),
    3 * own.next(),
    1 + own.next(),
  ];
  const pixels = Uint16Array.from({ length: COLUMNS * ROWS }, (_, at) => {
    const [x, y, z] = [(at % COLUMNS) - 9.5, Math.floor(at / COLUMNS) - 11.5, index - 3.5];
    const distance = (x / width) ** 2 + (y / height) ** 2 + (z / 5) ** 2;
    if (distance > 1) return 5;
    const folds = Math.sin(fold * (x * Math.cos(turn) + y * Math.sin(turn)) + z);
    return 500 + Math.floor(200 * folds) + (patient % 2 && distance < 0.15 ? 500 : 0);
  });
  return pixels.buffer;
}

beforeAll(async () => {
  for (let patient = 0; patient < PATIENTS; patient++) {
    const root = `1.2.826.0.1.3680043.10.999.${patient}`;
    const values = {
      PatientID: `MRN-4711-${patient}`,
      StudyInstanceUID: `${root}.1`,
      SeriesInstanceUID: `${root}.2`,
      ProtocolName: undefined,
      Rows: ROWS,
      Columns: COLUMNS,
    };
    const each = (index: number) => ({
      SOPInstanceUID: `${root}.3.${index}`,
      PixelData: slice(patient, index),
    });
    await writeSeries(join(cwd, 'dicom', `DOE_${patient}`), madeSeries({ slices: SLICES, values, each }));
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
    const table = await readFile(join(cwd, 'bids', 'participants.tsv'), 'utf8');
    expect(table.match(/\tglioma$/gm)).toHaveLength(PATIENTS / 2);
    const checked = await runJson(['preprocess', 'check', 'bids'], { cwd });
    expect(checked.answer).toMatchObject({ data: { counts: { error: 0, warning: 0 } } });
  });
});
