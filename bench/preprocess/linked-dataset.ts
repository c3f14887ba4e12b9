import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A BIDS data set of any number of subjects whose images are links to a few files within it; beside it a table of the same files. */
export function linkedDataset(root: string, what: { images: readonly string[]; subjects: number }): void {
  const { images, subjects } = what;
  mkdirSync(join(root, 'sourcedata'), { recursive: true });
  for (const image of images) copyFileSync(image, join(root, 'sourcedata', basename(image)));
  const rows = ['participant_id\tdiagnosis'];
  const table = ['file,label,patient'];
  for (let subject = 0; subject < subjects; subject++) {
    const id = `sub-${String(subject).padStart(5, '0')}`;
    const file = `${id}/anat/${id}_T1w.nii.gz`;
    mkdirSync(join(root, id, 'anat'), { recursive: true });
    symlinkSync(`../../sourcedata/${basename(images[subject % images.length] ?? '')}`, join(root, file));
    const label = subject % 2 === 0 ? 'well' : 'ill';
    rows.push(`${id}\t${label}`);
    table.push(`${file},${label},p${subject}`);
  }
  writeFileSync(join(root, 'dataset_description.json'), '{"Name": "linked", "BIDSVersion": "1.11.1"}');
  writeFileSync(join(root, 'participants.tsv'), `${rows.join('\n')}\n`);
  writeFileSync(`${root}.csv`, `${table.join('\n')}\n`);
}
