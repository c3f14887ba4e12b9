import { join } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { makeFolder, putFile } from '../../runtime/base/files/files.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { validatorNote } from '../bids/validator-note.ts';
import { BIDS_VERSION, HED_VERSION } from '../bids/versions.ts';
import { DERIVATIVE } from './examination.ts';
import { type PhantomRecipe, type PlannedParticipant, siteName } from './plan.ts';
import { COMMON_SIDECAR } from './sidecars.ts';

/** Everything of the data set that belongs to no single participant. */
export async function writeFrame(
  folder: string,
  of: { recipe: PhantomRecipe; participants: readonly PlannedParticipant[] },
): Promise<void> {
  const derived = join(folder, DERIVATIVE);
  await makeFolder(derived);
  const files: [path: string, text: string][] = [
    [join(folder, 'dataset_description.json'), prettyJson(description(of.recipe))],
    [join(folder, 'README'), readme(of.recipe) + validatorNote(of.participants.length)],
    [join(folder, 'participants.tsv'), participantsTable(of.participants)],
    [join(folder, 'participants.json'), prettyJson(participantsColumns(of.recipe))],
    [join(folder, 'T1w.json'), prettyJson(COMMON_SIDECAR)],
    [join(derived, 'dataset_description.json'), prettyJson(maskDescription(of.recipe))],
    [join(derived, 'README'), MASK_README],
    [join(derived, 'desc-lesion_mask.json'), prettyJson(MASK_SIDECAR)],
  ];
  for (const [path, text] of files) await putFile(path, text);
}

const AUTHORS = ['neuroflare', 'The contributors to neuroflare'];
const LICENSE = 'CC0-1.0';

function generator(recipe: PhantomRecipe) {
  const { sites, perClass, size, seed } = recipe;
  const options = `--sites ${sites} --per-class ${perClass} --size ${size} --seed ${seed}`;
  return {
    Name: 'neuroflare',
    Version: packageVersion(),
    Description: `preprocess phantom ${options}`,
  };
}

function description(recipe: PhantomRecipe) {
  return {
    Name: 'Simulated heads with brain tumours',
    BIDSVersion: BIDS_VERSION,
    HEDVersion: HED_VERSION,
    DatasetType: 'raw',
    License: LICENSE,
    Authors: AUTHORS,
    GeneratedBy: [generator(recipe)],
    // None, which is a fact; the validator asks for the key.
    SourceDatasets: [],
  };
}

function maskDescription(recipe: PhantomRecipe) {
  return {
    ...description(recipe),
    Name: 'Tumour masks of simulated heads',
    DatasetType: 'derivative',
    DatasetLinks: { raw: '../..' },
    SourceDatasets: [{ URL: '../..' }],
  };
}

const MASK_SIDECAR = {
  Type: 'Lesion',
  Description: 'Voxels that lie mostly in the tumour as it was drawn; empty for no_tumor.',
  SpatialReference: 'orig',
};

function readme({ sites, perClass, size, seed }: PhantomRecipe): string {
  return `Simulated T1-weighted heads after contrast agent, made by neuroflare. No person was scanned.

Every head is drawn from ellipsoids, rods and smooth noise, with a tissue table; a tumour of one of three kinds, or none, is
added and pushes the brain aside. Each site has a simulated scanner of its own: field strength, sequence times, voxel size,
orientation, gain, grey curve, receive field and noise differ between sites and are the same within one. Every site has ${perClass}
subjects of each diagnosis, so a scanner says nothing about the diagnosis. The masks of the tumours as they were drawn are in
derivatives/lesions.

Meant for trying out and testing software. Shapes, sizes and brightness are design choices, not measurements: nothing here
supports a medical conclusion.

Made again, byte for byte, by: neuroflare preprocess phantom OUT --sites ${sites} --per-class ${perClass} --size ${size} --seed ${seed}
`;
}

const MASK_README = `Masks of the tumours in the simulated heads of the data set two folders up: 1 where a voxel lies mostly in the tumour as it
was drawn (enhancing rim, core and solid parts), 0 elsewhere. Oedema does not count. Heads without tumour have an empty mask.
`;

function participantsTable(participants: readonly PlannedParticipant[]): string {
  const rows = participants.map(({ id, diagnosis, site }) => [id, diagnosis, siteName(site)].join('\t'));
  return `${['participant_id\tdiagnosis\tsite', ...rows].join('\n')}\n`;
}

function participantsColumns({ sites }: PhantomRecipe) {
  const siteLevels = Array.from({ length: sites }, (_, at) => [
    siteName(at + 1),
    `Simulated scanner number ${at + 1}`,
  ]);
  return {
    participant_id: { Description: 'Simulated subject' },
    diagnosis: {
      LongName: 'Diagnosis',
      Description: 'The tumour that was drawn into the head',
      Levels: {
        glioma:
          'Glioma: within a hemisphere, ring-enhancing with a dead core and oedema, or dark without enhancement',
        meningioma: 'Meningioma: on the dura, evenly enhancing',
        pituitary: 'Pituitary tumour: in the sella, growing upwards',
        no_tumor: 'No tumour',
      },
    },
    site: {
      LongName: 'Site',
      Description: 'The simulated scanner that made the image',
      Levels: Object.fromEntries(siteLevels),
    },
  };
}
