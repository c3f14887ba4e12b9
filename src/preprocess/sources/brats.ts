import { basename, dirname, join } from 'node:path';
import type { ExaminationSource } from '../bids/examination.ts';
import { requireInside } from '../bids/read-inside.ts';
import { type Case, type ChallengeOptions, caseSource } from './challenge.ts';
import type { Exclusion } from './exclude.ts';
import { folderNames, listFolder } from './list-folder.ts';

/** What a file of a case is called in the years of the challenge, and the image it is. */
const CHANNELS: readonly (readonly [ending: RegExp, name: string])[] = [
  [/^[_-](t1|t1n)$/i, 'T1w'],
  [/^[_-](t1ce|t1c|t1gd)$/i, 'ce-gadolinium_T1w'],
  [/^[_-](t2|t2w)$/i, 'T2w'],
  [/^[_-](flair|t2f)$/i, 'FLAIR'],
];
/** A folder of a hospital may have files of its own name, too. */
const CASE = /^BraTS/i;
const MASK = /^[_-]seg$/i;
/** One case of 2020 has its mask under another name: W39_1998.09.19_Segm.nii. */
const STRAY_MASK = /[_-]segm$/i;
/** Folders of the years that sort cases by grade. */
const GRADES = /^(HGG|LGG)$/i;
const NAME_MAPPING = /name_mapping.*\.csv$/i;

/** How far below the source cases may lie, and how many folders are looked into on the way. */
const DEEPEST = 5;
const MOST_FOLDERS = 64;

/**
 * Cases of BraTS: folders of that name whose files begin with the folder's name, in the source, in folders of it, or where an archive keeps them
 * further down. Empty where there are none.
 */
export async function findBratsCases(root: string, exclusion: Exclusion): Promise<Case[]> {
  const cases: Case[] = [];
  let places = [''];
  for (let depth = 0; depth < DEEPEST && (depth < 2 || places.length <= MOST_FOLDERS); depth++) {
    const isBelowCases = cases.length > 0;
    const below: string[] = [];
    for (const place of places) {
      const label = GRADES.test(basename(place)) ? basename(place).toUpperCase() : undefined;
      // Class folders, too, are looked into here; what is wrong with them is told where they are read.
      const names = await folderNames(join(root, place)).catch((error: unknown) => {
        if (depth < 2) throw error;
        return [];
      });
      for (const name of names) {
        const path = place === '' ? name : `${place}/${name}`;
        if (exclusion.isExcluded(path)) continue;
        const own = await caseIn(root, { path, label, exclusion });
        if (own) cases.push(own);
        else below.push(path);
      }
    }
    if (isBelowCases || (depth > 0 && cases.length > 0)) break;
    places = below;
  }
  return cases;
}

/** @throws NF_BIDS_NO_LABELS, NF_TABLE_* */
export async function readBrats(
  cases: readonly Case[],
  options: ChallengeOptions,
): Promise<ExaminationSource> {
  const isSorted = cases.every(({ label }) => label !== undefined);
  const found = isSorted ? undefined : await findMapping(cases, options);
  return caseSource(
    cases,
    { ...options, table: options.table ?? found },
    {
      what: 'cases of the BraTS challenge',
      images:
        'Images of the BraTS challenge: registered to one another, resampled to 1 mm, and without skull, as its organisers say.',
      skullStripped: true,
      mask: 'Values of BraTS: 1 is necrotic and non-enhancing core, 2 oedema, 4 (3 since 2023) enhancing tumour.',
    },
  );
}

/** In the source, else beside the cases; none where several may be it. */
async function findMapping(
  cases: readonly Case[],
  { root, source }: ChallengeOptions,
): Promise<string | undefined> {
  const besideCases = cases.map(({ images: [first] }) => dirname(dirname(first?.path ?? '')));
  for (const folders of [['.'], [...new Set(besideCases)]]) {
    const found: string[] = [];
    for (const folder of folders) {
      const names = (await listFolder(join(root, folder))).map(({ name }) => name);
      for (const name of names.filter((one) => NAME_MAPPING.test(one))) {
        await requireInside(root, join(root, folder, name));
        found.push(join(source, folder, name));
      }
    }
    if (found.length > 0) return found.length === 1 || folders[0] === '.' ? found[0] : undefined;
  }
  return undefined;
}

async function caseIn(
  root: string,
  { path, label, exclusion }: { path: string; label: string | undefined; exclusion: Exclusion },
): Promise<Case | undefined> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (!CASE.test(name)) return undefined;
  const images: { name: string; path: string }[] = [];
  let [mask, strayMask]: [string | undefined, string | undefined] = [undefined, undefined];
  for (const entry of await listFolder(join(root, path))) {
    const file = `${path}/${entry.name}`;
    const stem = entry.name.replace(/\.nii(\.gz)?$/i, '');
    if (stem === entry.name || exclusion.isExcluded(file)) continue;
    if (STRAY_MASK.test(stem)) strayMask = file;
    if (!stem.startsWith(name)) continue;
    const ending = stem.slice(name.length);
    const channel = CHANNELS.find(([pattern]) => pattern.test(ending))?.[1];
    if (channel !== undefined) images.push({ name: channel, path: file });
    else if (MASK.test(ending)) mask = file;
  }
  if (images.length === 0) return undefined;
  // Since 2023 a name ends in the number of the patient's scan: BraTS-GLI-00000-001.
  return {
    name,
    patient: name.replace(/^(BraTS-.*\d)-\d{3}$/, '$1'),
    label,
    images,
    mask: mask ?? strayMask,
  };
}
