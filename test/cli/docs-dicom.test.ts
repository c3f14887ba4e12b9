import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { madeSeries, SECRETS, writeSeries } from '../support/made-dicom.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PAGE = join(import.meta.dirname, '../../docs/your-own-data.md');
const PATIENTS = 8;

/** The code blocks of the section, by their language. */
async function blocksOf(section: string, language: string): Promise<string[]> {
  const page = await readFile(PAGE, 'utf8');
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
    .filter(([, name]) => name === language)
    .map(([, , code = '']) => code);
}

describe('the page "Your own data"', () => {
  it('takes a folder of DICOM to a split by its commands', async () => {
    const cwd = tempFolder();
    for (let patient = 0; patient < PATIENTS; patient++) {
      const root = `1.2.826.0.1.3680043.10.999.${patient}`;
      const values = {
        PatientID: `MRN-4711-${patient}`,
        StudyInstanceUID: `${root}.1`,
        SeriesInstanceUID: `${root}.2`,
        ProtocolName: undefined,
      };
      const each = (index: number) => ({
        SOPInstanceUID: `${root}.3.${index}`,
        PixelData: new Uint16Array(192).fill(100 * patient + index).buffer,
      });
      await writeSeries(join(cwd, 'dicom', `DOE_${patient}`), madeSeries({ values, each }));
    }
    const labels = Array.from(
      { length: PATIENTS },
      (_, patient) => `MRN-4711-${patient},${patient % 2 ? 'glioma' : 'no_tumor'}`,
    );
    await writeFile(join(cwd, 'labels.csv'), ['patient_id,diagnosis', ...labels].join('\n'));
    const [map = ''] = await blocksOf('A folder of DICOM', 'yaml');
    await writeFile(join(cwd, 'map.yaml'), map);
    const commands = (await blocksOf('A folder of DICOM', 'sh')).flatMap((block) =>
      block.trimEnd().split('\n'),
    );
    expect(commands).toHaveLength(5);
    for (const command of commands) {
      const [name, ...words] = command.split(' ');
      const { code, stdout, stderr } = await runCli([...words, '--quiet'], { cwd });
      expect([name, code, stderr]).toEqual(['neuroflare', 0, '']);
      expect(SECRETS.filter((secret) => stdout.includes(secret))).toEqual([]);
    }
    const table = await readFile(join(cwd, 'bids', 'participants.tsv'), 'utf8');
    expect(table.match(/\tglioma$/gm)).toHaveLength(PATIENTS / 2);
  });
});
