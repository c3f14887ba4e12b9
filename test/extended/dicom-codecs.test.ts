import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { convertFiles } from '../../src/preprocess/dicom/convert/dcm2niix.ts';
import { decodeNifti } from '../../src/preprocess/nifti/read.ts';
import { encoded, enhanced, madeSeries, writeSeries } from '../support/made-dicom.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
/** Debian's package, from apt. It has no JPEG-LS, and cannot read what is deflated. */
const DCM2NIIX = '/usr/bin/dcm2niix';

/** Writes each file of a folder again in other transfer syntaxes: by pydicom, with encoders of imagecodecs (CharLS, OpenJPEG, libjpeg). */
const ENCODE = `
import glob, json, os, sys
import imagecodecs, numpy, pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless
source, out = sys.argv[1:3]
codecs = {
  'jpeg-ls': ('1.2.840.10008.1.2.4.80', imagecodecs.jpegls_encode),
  'jpeg-2000': ('1.2.840.10008.1.2.4.90', lambda a: imagecodecs.jpeg2k_encode(a, codecformat='j2k', reversible=True)),
  'jpeg-lossless': ('1.2.840.10008.1.2.4.57', imagecodecs.ljpeg_encode),
  'jpeg-lossless-first-order': ('1.2.840.10008.1.2.4.70', imagecodecs.ljpeg_encode),
}
def save(ds, kind, path):
  folder = os.path.join(out, kind)
  os.makedirs(folder, exist_ok=True)
  ds.save_as(os.path.join(folder, os.path.basename(path)), enforce_file_format=True)
for path in sorted(glob.glob(os.path.join(source, '*'))):
  for kind, (uid, encode) in codecs.items():
    ds = pydicom.dcmread(path)
    frames = ds.pixel_array.reshape(-1, ds.Rows, ds.Columns).astype(numpy.uint16)
    ds.PixelData = encapsulate([encode(numpy.ascontiguousarray(frame)) for frame in frames])
    ds['PixelData'].VR = 'OB'
    ds['PixelData'].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(uid)
    save(ds, kind, path)
  ds = pydicom.dcmread(path)
  ds.compress(RLELossless)
  save(ds, 'rle', path)
  ds = pydicom.dcmread(path)
  ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
  save(ds, 'deflated', path)
print(json.dumps(sorted(os.listdir(out))))
`;

const SINGLE = ['deflated', 'jpeg-2000', 'jpeg-lossless', 'jpeg-lossless-first-order', 'jpeg-ls', 'rle'];
/** Of several frames in a file: the others are refused by name before they are converted. */
const FRAMES = ['deflated', 'jpeg-lossless', 'jpeg-lossless-first-order', 'rle'];
const NOT_DEBIANS = new Set(['deflated', 'jpeg-ls']);

describe.skipIf(!PYTHON || !existsSync(DCM2NIIX))('DICOM written by pydicom and the codecs of others', () => {
  const root = tempFolder();

  beforeAll(async () => {
    await writeSeries(join(root, 'plain'), madeSeries());
    await writeSeries(join(root, 'frames'), [encoded(enhanced(5))]);
    expect(python(ENCODE, join(root, 'plain'), join(root, 'packed'))).toEqual(SINGLE);
    python(ENCODE, join(root, 'frames'), join(root, 'packed-frames'));
  }, 120_000);

  const voxelsOf = async (name: string, bytes: Uint8Array) => {
    const { shape, affine, data } = await decodeNifti(bytes, name);
    return { shape, affine, data: [...data] };
  };
  const ours = async (folder: string) => {
    const files = (await readdir(folder)).sort().map((name) => join(folder, name));
    const made = (await convertFiles(files))?.filter(({ name }) => name.endsWith('.nii')) ?? [];
    expect(made).toHaveLength(1);
    return voxelsOf('out.nii', made[0]?.bytes ?? new Uint8Array());
  };
  const theirs = async (folder: string) => {
    const out = `${folder}-native`;
    await mkdir(out, { recursive: true });
    await run(DCM2NIIX, ['-z', 'n', '-b', 'n', '-f', 'out', '-o', out, folder]);
    return voxelsOf('out.nii', await readFile(join(out, 'out.nii')));
  };

  it.each(SINGLE)('has the voxels of the plain series where it is %s', async (kind) => {
    const plain = await ours(join(root, 'plain'));
    expect(plain.data.filter((value) => value > 0).length).toBeGreaterThan(1000);
    const folder = join(root, 'packed', kind);
    expect(await ours(folder)).toEqual(plain);
    if (!NOT_DEBIANS.has(kind)) expect(await theirs(folder)).toEqual(plain);
  });

  it.each(FRAMES)('has the frames of the plain file where it is %s', async (kind) => {
    const plain = await ours(join(root, 'frames'));
    expect(plain).toEqual(await theirs(join(root, 'frames')));
    expect(await ours(join(root, 'packed-frames', kind))).toEqual(plain);
  });
});
