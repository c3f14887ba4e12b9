// A folder of DICOM to BIDS beside Debian's dcm2niix, whole processes in turn. Ours also reads every header twice, names subjects by a key, takes
// out what identifies people and searches every output for it; faces are kept.
// usage: node bench/preprocess/dicom.ts [series, default 8] [slices, default 160] [pairs, default 3]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { madeSeries, writeSeries } from '../../test/support/made-dicom.ts';
import { RUN } from '../neuroflare.ts';
import { type Measured, measure, printMeasured, printRatio } from '../process-tree.ts';

const [series = '8', slices = '160', pairs = '3'] = process.argv.slice(2);
const SIDE = 256;
const folder = mkdtempSync(join(tmpdir(), 'bench-dicom-'));
const [ours, theirs]: Measured[][] = [[], []];
try {
  for (let patient = 1; patient <= Number(series); patient++) {
    const root = `1.2.826.0.1.3680043.10.999.${patient}`;
    const values = {
      PatientID: `P${patient}`,
      StudyInstanceUID: `${root}.1`,
      SeriesInstanceUID: `${root}.2.1`,
      Rows: SIDE,
      Columns: SIDE,
    };
    const each = (index: number) => ({ SOPInstanceUID: `${root}.3.${index}` });
    await writeSeries(
      join(folder, 'dicom', String(patient)),
      madeSeries({ values, each, slices: Number(slices) }),
    );
  }
  writeFileSync(
    join(folder, 'map.yaml'),
    'version: 1\nrules:\n  - {name: t1, when: {Modality: MR}, suffix: T1w}\n',
  );
  for (let pair = 0; pair < Number(pairs); pair++) {
    const key = join(folder, `site-${pair}.key`);
    const run = [
      RUN,
      'preprocess',
      'bids',
      'dicom',
      `ours-${pair}`,
      '--dicom-map',
      'map.yaml',
      '--key',
      key,
      '--no-deface',
      '-q',
    ];
    ours?.push(await measure(process.execPath, run, { cwd: folder }));
    mkdirSync(join(folder, `theirs-${pair}`));
    const options = ['-z', 'y', '-1', '-b', 'y', '-ba', 'y', '-o', `theirs-${pair}`, 'dicom'];
    theirs?.push(await measure('dcm2niix', options, { cwd: folder }));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printMeasured('neuroflare preprocess bids --dicom-map', ours ?? []);
printMeasured('dcm2niix', theirs ?? []);
printRatio(ours ?? [], theirs ?? []);
