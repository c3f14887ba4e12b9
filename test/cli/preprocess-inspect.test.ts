import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { madeSeries, SECRETS, SOP, writeSeries } from '../support/made-dicom.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();

const MAP = `version: 1
rules:
  - name: t1
    when: {SeriesDescription: '*mprage*'}
    suffix: T1w
  - name: gradient echo
    when: {ScanningSequence: GR, SeriesNumber: 4}
    suffix: T2starw
`;

describe('neuroflare preprocess inspect', () => {
  it('shows series, what is wrong with them and where a map sends them, and says nothing of a patient', async () => {
    await writeSeries(join(cwd, 'in', 'DOE_JANE'), madeSeries());
    await writeSeries(join(cwd, 'in', 'MRN-4711-77'), madeSeries({ values: { SeriesNumber: '4' } }));
    const capture = {
      SOPClassUID: SOP.capture,
      Modality: 'OT',
      SeriesNumber: '9',
      SeriesDescription: 'screen of DOE',
    };
    await writeSeries(join(cwd, 'in', 'c'), madeSeries({ slices: 1, values: capture }));
    await writeFile(join(cwd, 'map.yaml'), MAP);
    const shown = await runCli(['preprocess', 'inspect', 'in', '--dicom-map', 'map.yaml', '--quiet'], {
      cwd,
    });
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    const lines = shown.stdout.split('\n');
    expect(
      lines.filter((line) => /MR +t1 mprage sag …/.test(line)).map((line) => line.split(/ {2,}/).at(-1)),
    ).toEqual(expect.arrayContaining(['t1', 'several rules: t1, gradient echo']));
    expect(shown.stdout).toMatch(
      /[0-9a-f]{8} refused: was captured from a screen or a page \(secondary_capture, 1\)/,
    );
    expect(shown.stdout).toContain('3 series of 1 subject in 13 image files');
    expect(SECRETS.filter((secret) => shown.stdout.includes(secret))).toEqual([]);
  });

  it('names the line of a map that is wrong', async () => {
    await writeFile(join(cwd, 'bad.yaml'), MAP.replace('suffix: T1w', 'sufix: T1w'));
    const { code, answer } = await runJson(['preprocess', 'inspect', 'in', '--dicom-map', 'bad.yaml'], {
      cwd,
    });
    expect(code).toBe(4);
    expect(answer).toMatchObject({ error_code: 'NF_DICOM_MAP', location: { file: 'bad.yaml', line: 5 } });
  });
});
