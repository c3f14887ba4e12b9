import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Affine, centredAffine } from '../../../src/preprocess/nifti/affine.ts';
import { encodeNifti } from '../../../src/preprocess/nifti/write.ts';
import { createRandom } from '../../../src/runtime/base/random.ts';

export interface TestSubject {
  readonly id: string;
  readonly diagnosis: string;
  readonly partition: string;
}

export interface TestImage {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
  readonly affine?: Affine;
}

/** A small BIDS data set in a new folder; `paint` makes the one image of each subject. */
export async function writeTree(
  subjects: readonly TestSubject[],
  paint: (subject: TestSubject, index: number) => TestImage,
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'neuroflare-train-'));
  const rows = subjects.map(({ id, diagnosis, partition }) => `sub-${id}\t${diagnosis}\t${partition}`);
  await writeFile(
    join(root, 'participants.tsv'),
    `${['participant_id\tdiagnosis\tpartition', ...rows].join('\n')}\n`,
  );
  for (const [index, subject] of subjects.entries()) {
    const { shape, data, affine = centredAffine(shape, [1, 1, 1]) } = paint(subject, index);
    await mkdir(join(root, `sub-${subject.id}`, 'anat'), { recursive: true });
    await writeFile(imagePath(root, subject.id), encodeNifti({ shape, data, affine }));
  }
  return root;
}

export function imagePath(root: string, id: string): string {
  return join(root, `sub-${id}`, 'anat', `sub-${id}_T1w.nii`);
}

/** `count` subjects of each class in turn, numbered from `first`. */
export function subjectsOf(
  classes: readonly string[],
  { count, partition, first = 0 }: { count: number; partition: string; first?: number },
): TestSubject[] {
  return Array.from({ length: count * classes.length }, (_, index) => ({
    id: String(first + index),
    diagnosis: classes[index % classes.length] ?? '',
    partition,
  }));
}

/** A grey disc with a spot somewhere in it: brighter than the disc for the class `bright`, darker for others. */
export function spotSlice(subject: TestSubject): TestImage {
  const side = 24;
  const random = createRandom('spot', subject.id);
  const data = new Float32Array(side * side);
  const depth = subject.diagnosis === 'bright' ? 120 : -90;
  const [row, column] = [7 + random.int(10), 7 + random.int(10)];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const head = Math.hypot(x - 11.5, y - 11.5) < 11 ? 100 : 0;
      const spot = Math.hypot(x - column, y - row) < 3 ? depth : 0;
      data[y * side + x] = head + (head && spot) + 10 * random.next();
    }
  }
  return { shape: [side, side, 1], data };
}
