import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNifti } from '../../src/preprocess/nifti/read.ts';
import { encodeNifti } from '../../src/preprocess/nifti/write.ts';
import {
  BIAS_FIELD_DEFAULTS,
  estimateBiasField,
} from '../../src/preprocess/preparation/bias-field/bias-field.ts';
import { findHead } from '../../src/preprocess/preparation/head-mask.ts';
import { prepareTemplate, register } from '../../src/preprocess/preparation/registration/register.ts';
import { resampleTo } from '../../src/preprocess/preparation/resample.ts';
import type { Scan } from '../../src/preprocess/preparation/scan.ts';
import { PYTHON, python } from '../support/python.ts';
import { tempFolder } from '../support/temp-folder.ts';

const DATA = process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data');
const HEAD = join(DATA, 'nifti/MR_Gd.nii.gz');
const TEMPLATE = join(DATA, 'nifti/spm152.nii.gz');

/** A field is put on the head; the size leaves one way alone to take every fourth voxel. */
const CORRECT = `
import sys, json, numpy as np, SimpleITK as sitk
source, folder, levels = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
a = sitk.GetArrayFromImage(sitk.ReadImage(source, sitk.sitkFloat32))
a = a[tuple(slice(0, n - (n - 1) % 4) for n in a.shape)]
z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in a.shape], indexing='ij')
image = sitk.GetImageFromArray((a * np.exp(0.3 * x + 0.25 * y * y - 0.2 * z * x)).astype(np.float32))
mask = sitk.OtsuThreshold(image, 0, 1, 200)
n4 = sitk.N4BiasFieldCorrectionImageFilter()
n4.SetMaximumNumberOfIterations(levels)
n4.Execute(sitk.Shrink(image, [4] * 3), sitk.Shrink(mask, [4] * 3))
corrected = image / sitk.Exp(n4.GetLogBiasFieldAsImage(image))
for name, of in (('image', image), ('mask', mask), ('corrected', corrected)):
    sitk.WriteImage(of, f'{folder}/{name}.nii')
print(json.dumps({}))`;

/** Samples the box of a volume on the grid of another. */
const SAMPLE = `
import sys, json, nibabel, numpy as np
from scipy.ndimage import affine_transform
source, grid, order, mode = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
a, b = nibabel.load(source), nibabel.load(grid)
m = np.linalg.inv(a.affine) @ b.affine
made = affine_transform(a.get_fdata(), m[:3, :3], m[:3, 3], b.shape, order=order, mode=mode)
print(json.dumps({'worst': float(np.abs(made - b.get_fdata()).max()), 'most': float(np.abs(made).max())}))`;

/** Registers the head to the template as SimpleITK does, and judges both results by one histogram over the head of the template. */
const REGISTER = `
import sys, json, nibabel, numpy as np, SimpleITK as sitk
from scipy.ndimage import affine_transform, binary_dilation
template, head, ours = sys.argv[1], sys.argv[2], np.array(json.loads(sys.argv[3]))
f, m = (sitk.ReadImage(path, sitk.sitkFloat32) for path in (template, head))
def step(start):
    r = sitk.ImageRegistrationMethod()
    r.SetMetricAsMattesMutualInformation(50)
    r.SetMetricSamplingStrategy(r.REGULAR)
    r.SetMetricSamplingPercentage(0.05, 1)
    r.SetInterpolator(sitk.sitkLinear)
    r.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200, relaxationFactor=0.5)
    r.SetOptimizerScalesFromPhysicalShift()
    r.SetShrinkFactorsPerLevel([4, 2, 1])
    r.SetSmoothingSigmasPerLevel([2, 1, 0])
    r.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    r.SetInitialTransform(start, inPlace=False)
    return sitk.CompositeTransform(r.Execute(f, m)).GetBackTransform()
moments = sitk.CenteredTransformInitializerFilter.MOMENTS
rigid = sitk.Euler3DTransform(step(sitk.CenteredTransformInitializer(f, m, sitk.Euler3DTransform(), moments)))
start = sitk.AffineTransform(3)
start.SetMatrix(rigid.GetMatrix()); start.SetTranslation(rigid.GetTranslation()); start.SetCenter(rigid.GetCenter())
found = sitk.AffineTransform(step(start))
a, c = np.array(found.GetMatrix()).reshape(3, 3), np.array(found.GetCenter())
theirs = np.eye(4); theirs[:3, :3] = a; theirs[:3, 3] = np.array(found.GetTranslation()) + c - a @ c
flip = np.diag([-1.0, -1, 1, 1]); theirs = flip @ theirs @ flip
fixed, moving = nibabel.load(template), nibabel.load(head)
F, M = fixed.get_fdata(), moving.get_fdata()
near = binary_dilation(F > 0.2 * np.percentile(F, 99), iterations=5)
def information(matrix):
    k = np.linalg.inv(moving.affine) @ matrix @ fixed.affine
    w = affine_transform(M, k[:3, :3], k[:3, 3], F.shape, order=1, mode='constant', cval=-1e9)
    seen = near & (w > -1e8)
    clip = lambda v: np.clip(v, *np.percentile(v, [0.1, 99.9]))
    p = np.histogram2d(clip(F[seen]), clip(w[seen]), bins=64)[0]; p /= p.sum()
    return float((p[p > 0] * np.log(p / (p.sum(1, keepdims=True) @ p.sum(0, keepdims=True)), where=p > 0, out=np.zeros_like(p))[p > 0]).sum())
print(json.dumps({'ours': information(ours), 'theirs': information(theirs)}))`;

async function scanOf(path: string): Promise<Scan> {
  const { shape, data, affine } = await readNifti(path);
  return { shape: [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1], data, affine };
}

describe.skipIf(!PYTHON || !existsSync(HEAD))('a prepared volume', () => {
  const folder = tempFolder();

  it.each([[[20, 20, 20, 20]], [[50, 50, 50, 50]]])(
    'has the bias field of SimpleITK, with at most %j steps',
    async (iterations) => {
      python(CORRECT, HEAD, folder, JSON.stringify(iterations));
      const [image, mask, expected] = await Promise.all(
        ['image', 'mask', 'corrected'].map((name) => scanOf(join(folder, `${name}.nii`))),
      );
      if (!image || !mask || !expected) throw new Error('not written');
      const inside = Uint8Array.from(mask.data);
      const field = estimateBiasField(image, inside, { ...BIAS_FIELD_DEFAULTS, iterations });
      let [differences, squares] = [0, 0];
      for (const [voxel, value] of expected.data.entries()) {
        if (inside[voxel] === 0) continue;
        differences += ((image.data[voxel] ?? 0) / (field[voxel] ?? 1) - value) ** 2;
        squares += value ** 2;
      }
      // Seen: 6e-6 and 6e-6.
      expect(Math.sqrt(differences / squares)).toBeLessThan(1e-3);
    },
    300_000,
  );

  it.each([
    ['linear', 1, 'nearest'],
    ['cubic', 3, 'mirror'],
  ] as const)(
    'is sampled as SciPy does: %s',
    async (interpolation, order, mode) => {
      const scan = await scanOf(HEAD);
      const made = resampleTo(scan, [1.3, 0.8, 2.1], interpolation);
      const [source, grid] = [join(folder, 'source.nii'), join(folder, `${interpolation}.nii`)];
      writeFileSync(source, encodeNifti(scan));
      writeFileSync(grid, encodeNifti(made));
      const { worst, most } = python<{ worst: number; most: number }>(
        SAMPLE,
        source,
        grid,
        String(order),
        mode,
      );
      expect(most).toBeGreaterThan(100);
      expect(worst / most).toBeLessThan(1e-4);
    },
    120_000,
  );

  it('says as much about a template as by SimpleITK, once it is registered', async () => {
    const [fixed, moving] = await Promise.all([scanOf(TEMPLATE), scanOf(HEAD)]);
    const [fixedMask, mask] = [findHead(fixed), findHead(moving)];
    const template = fixedMask && prepareTemplate({ scan: fixed, mask: fixedMask });
    if (!template || !mask) throw new Error('no head');
    const { matrix } = register(template, { scan: moving, mask });
    const { ours, theirs } = python<{ ours: number; theirs: number }>(
      REGISTER,
      TEMPLATE,
      HEAD,
      JSON.stringify(matrix),
    );
    expect(theirs).toBeGreaterThan(0.3);
    expect(ours).toBeGreaterThan(0.995 * theirs);
  }, 600_000);
});
