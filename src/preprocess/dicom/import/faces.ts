import { z } from 'zod';
import { prettyJson } from '../../../runtime/base/digest.ts';
import { parseJson } from '../../../runtime/base/parse-json.ts';
import type { NoFace } from '../../deface/deface-nifti.ts';
import { defacingTexts, faceMethod, type ImageFace, REPORT, reportTable } from '../../deface/face-record.ts';
import { DEFACING } from '../../deface/words.ts';
import type { ProblemCode } from '../problems.ts';
import type { TargetTree } from './target.ts';
import { authorsOf, type DatasetWords } from './texts.ts';

/** How a series is refused whose faces cannot be removed. */
export function faceProblem(fault: NoFace): ProblemCode {
  return fault === 'cut' ? 'head_cut' : 'no_head';
}

interface Defacing {
  /** Of new images by file. */
  readonly faces: ReadonlyMap<string, ImageFace>;
  readonly words: DatasetWords;
  /** For DeidentificationMethod, without what is said of faces. */
  readonly method: readonly string[];
}

/** What concerns faces and no single image. Images of imports that left faces in say so from now on. */
export async function addDefacing(tree: TargetTree, { faces, words, method }: Defacing): Promise<void> {
  await nameKeptFaces(tree, method);
  await tree.add(REPORT, reportTable(await tree.earlier(REPORT), faces));
  if ((await tree.files()).some((file) => file.startsWith(`${DEFACING}/sub-`))) {
    const about = { ...words, authors: authorsOf(words), command: 'preprocess bids --dicom-map' };
    for (const [file, text] of defacingTexts(about)) await tree.add(file, text);
  }
}

/** Earlier versions said how images were de-identified once, for all of them, and left faces in. */
async function nameKeptFaces(tree: TargetTree, method: readonly string[]): Promise<void> {
  for (const file of await tree.files()) {
    if (!/^sub-.*\.json$/.test(file)) continue;
    const said = sidecarSchema.parse(parseJson(new TextDecoder().decode(await tree.read(file))));
    if (said.DeidentificationMethod !== undefined) continue;
    const kept = [...method, faceMethod({ outcome: 'kept' })];
    await tree.add(file, prettyJson({ ...said, DeidentificationMethod: kept }));
  }
}

const sidecarSchema = z.record(z.string(), z.unknown());
