import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readNifti } from '../../../src/preprocess/nifti/read.ts';
import { openInputs } from '../../../src/runtime/evaluation/predict/predict-inputs.ts';
import { writeFiles } from '../../support/write-files.ts';
import { encoder, headPicture, makeFolder, toPng } from '../preprocess/image/made-pictures.ts';
import { IMAGE, packed } from '../preprocess/nifti/bad-files.ts';
import { madeVolume, toMetaImage, toMgh, toNrrd, toPair } from '../preprocess/volume/made-volumes.ts';

const code = (name: string) => expect.objectContaining({ code: name });

async function subjects(paths: readonly string[]) {
  const { images, leftOut, close } = await openInputs(paths, false);
  await close();
  return {
    images: images.map(({ subject, paths: [path = ''] }) => ({ subject, isMade: !paths.includes(path) })),
    leftOut,
  };
}

describe('inputs of a prediction', () => {
  it('are told by their content, whatever their names', async () => {
    const root = await makeFolder();
    const jpeg = await encoder(headPicture(1, 60, 60))
      .jpeg()
      .toBuffer();
    const files: Record<string, Uint8Array> = {
      'photo.jfif': jpeg,
      'photo.jpe': jpeg,
      photo: jpeg,
      'photo.nii.gz': jpeg,
      'slice.tmp': await toPng(headPicture(2, 60, 60)),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(root, name), bytes);
    const { images } = await subjects(Object.keys(files).map((name) => join(root, name)));
    expect(images).toEqual(
      ['photo', 'photo', 'photo', 'photo', 'slice.tmp'].map((subject) => ({ subject, isMade: true })),
    );
    await writeFile(join(root, 'volume'), IMAGE);
    await writeFile(join(root, 'volume.nii.gz'), packed);
    expect((await subjects([join(root, 'volume'), join(root, 'volume.nii.gz')])).images).toEqual([
      { subject: 'volume', isMade: false },
      { subject: 'volume', isMade: false },
    ]);
  });

  it('may be volumes of every form that data sets are made of', async () => {
    const root = await makeFolder();
    const volume = madeVolume(1);
    const { hdr, img } = toPair(volume);
    await writeFiles(root, {
      'a.mgz': gzipSync(toMgh(volume)),
      'b.nrrd': toNrrd(volume),
      'c.mha': toMetaImage(volume),
      'd.hdr': hdr,
      'd.img': img,
    });
    const paths = ['a.mgz', 'b.nrrd', 'c.mha', 'd.hdr', 'd.img'].map((name) => join(root, name));
    const { images, close } = await openInputs(paths, false);
    expect(images.map(({ subject, source }) => [subject, source])).toEqual(
      ['a', 'b', 'c', 'd', 'd'].map((subject, at) => [subject, paths[at]]),
    );
    for (const {
      paths: [path = ''],
    } of images) {
      const read = await readNifti(path);
      expect(read.shape).toEqual(volume.shape);
      expect(read.data).toEqual(Float32Array.from(volume.data));
    }
    await close();
  });

  it('that are something else are refused by what they are', async () => {
    const root = await makeFolder();
    const [text, dicom, gif] = ['notes.txt', 'IM0001', 'moving.gif'].map((name) => join(root, name));
    await writeFile(text ?? '', 'some notes');
    await writeFile(dicom ?? '', `${'\0'.repeat(128)}DICM${'\0'.repeat(99)}`);
    await writeFile(gif ?? '', 'GIF89a');
    for (const [path, says] of [
      [text, 'neither NIfTI, MGH, NRRD, MetaImage, JPEG nor PNG'],
      [dicom, 'it is a DICOM file'],
      [gif, 'it is a GIF image'],
    ] as const) {
      const refused = openInputs([path ?? ''], false);
      await expect(refused).rejects.toThrow(code('NF_PREDICT_INPUT'));
      await expect(refused).rejects.toThrow(says);
    }
  });

  it('of a data set need no table, and leave out who has no T1w image', async () => {
    const root = await makeFolder();
    await writeFiles(root, {
      'dataset_description.json': '{}',
      'sub-02/anat/sub-02_T1w.nii': 'x',
      'sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz': 'x',
      'sub-emptyroom/meg/x': 'x',
    });
    expect(await subjects([root])).toEqual({
      images: ['sub-01', 'sub-02'].map((subject) => ({ subject, isMade: true })),
      leftOut: [{ subject: 'sub-emptyroom', reason: 'no T1w image' }],
    });
  });

  it('of a data set of which nobody has an image, and of other folders, are refused', async () => {
    const root = await makeFolder();
    await mkdir(join(root, 'sub-01', 'anat'), { recursive: true });
    await expect(openInputs([root], false)).rejects.toThrow(code('NF_BIDS_IMAGE_MISSING'));
    await expect(openInputs([await makeFolder()], false)).rejects.toThrow(code('NF_BIDS_NOT_A_DATASET'));
  });

  it('whose content was not fetched say so', async () => {
    const root = await makeFolder();
    await symlink('../.git/annex/objects/a/b/K/K', join(root, 'a.nii.gz'));
    await writeFile(join(root, 'b.jpg'), '/annex/objects/MD5E-s67--f6.jpg\n');
    await expect(openInputs([join(root, 'a.nii.gz')], false)).rejects.toThrow(code('NF_BIDS_CONTENT_ABSENT'));
    await expect(openInputs([join(root, 'b.jpg')], false)).rejects.toThrow(code('NF_BIDS_CONTENT_ABSENT'));
  });
});
