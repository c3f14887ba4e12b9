import { describe, expect, it } from 'vitest';
import { orientationOf, reorientToRas } from '../../../../src/preprocess/nifti/orient.ts';
import { DIAGNOSES, type Diagnosis } from '../../../../src/preprocess/phantom/lesion.ts';
import { scannerOf } from '../../../../src/preprocess/phantom/scanner.ts';
import { signalsOf } from '../../../../src/preprocess/phantom/tissue.ts';
import { type Grid, simulate } from '../../../../src/preprocess/phantom/volume.ts';

const GRID: Grid = [32, 38, 26];

function order(
  diagnosis: Diagnosis,
  number = 1,
  of: { seed?: number; participant?: string; grid?: Grid } = {},
) {
  const { seed = 1, participant = 'sub-001', grid = GRID } = of;
  return { seed, participant, diagnosis, scanner: scannerOf(number), grid };
}

/** Millilitres of a mask. */
function volume({ data, affine }: ReturnType<typeof simulate>['mask']): number {
  const voxels = data.reduce((sum: number, value) => sum + value, 0);
  const edges = [0, 1, 2].map((axis) => Math.hypot(...affine.slice(0, 3).map((row) => row[axis] ?? 0)));
  return (voxels * edges.reduce((product, edge) => product * edge, 1)) / 1000;
}

/** Mean brightness where the mask is 1. */
function meanInside({ image, mask }: ReturnType<typeof simulate>): number {
  const inside = [...image.data].filter((_, at) => mask.data[at] === 1);
  return inside.reduce((sum, value) => sum + value, 0) / inside.length;
}

describe('a simulated examination', () => {
  it('is fixed by its order, byte for byte', () => {
    expect(simulate(order('glioma'))).toEqual(simulate(order('glioma')));
    expect(simulate(order('glioma', 1, { seed: 2 })).image.data).not.toEqual(
      simulate(order('glioma')).image.data,
    );
    const other = simulate(order('glioma', 1, { participant: 'sub-002' }));
    expect(other.image.data).not.toEqual(simulate(order('glioma')).image.data);
  });

  it.each([1, 2, 3, 4, 5, 6])(
    'of scanner %i is stored in its orientation, mask and image alike',
    (number) => {
      const { image, mask } = simulate(order('meningioma', number));
      expect(orientationOf(image.affine)).toBe(scannerOf(number).orientation);
      expect(mask.affine).toEqual(image.affine);
      expect(mask.shape).toEqual(image.shape);
      expect(reorientToRas(image).shape).toEqual([...GRID]);
    },
  );

  it('holds a tumour of a fitting size, and none in a healthy head', () => {
    const range = { glioma: [12, 70], meningioma: [6, 50], pituitary: [2, 25], no_tumor: [0, 0] } as const;
    for (const diagnosis of DIAGNOSES) {
      for (let n = 0; n < 12; n++) {
        const millilitres = volume(simulate(order(diagnosis, 1 + (n % 3), { participant: `p${n}` })).mask);
        expect(millilitres, `${diagnosis} ${n}`).toBeGreaterThanOrEqual(range[diagnosis][0]);
        expect(millilitres, `${diagnosis} ${n}`).toBeLessThanOrEqual(range[diagnosis][1]);
      }
    }
  });

  it('places pituitary tumours in the sella, and gliomas to one side and above it', () => {
    for (let n = 0; n < 8; n++) {
      const participant = `p${n}`;
      const [x, , z] = centre(simulate(order('pituitary', 2, { participant })).mask);
      expect(Math.abs(x)).toBeLessThan(12);
      const [side, , height] = centre(simulate(order('glioma', 2, { participant })).mask);
      expect(Math.abs(side)).toBeGreaterThan(12);
      expect(height).toBeGreaterThan(z);
    }
  });

  it('differs from the healthy head only around the tumour', () => {
    const [ill, well] = [simulate(order('pituitary')), simulate(order('no_tumor'))];
    const changed = [...ill.image.data].filter((value, at) => value !== well.image.data[at]).length;
    expect(changed).toBeGreaterThan(50);
    expect(changed / ill.image.data.length).toBeLessThan(0.05);
  });

  it('shows meningiomas brighter than the head around them', () => {
    for (let n = 0; n < 6; n++) {
      const scan = simulate(order('meningioma', 1 + (n % 3), { participant: `p${n}` }));
      const head = [...scan.image.data].sort((a, b) => a - b);
      expect(meanInside(scan)).toBeGreaterThan(head[Math.floor(head.length * 0.85)] ?? 0);
    }
  });

  it('meets brain, not one sheet of fluid, in the midline', () => {
    const { image } = simulate(order('no_tumor', 2, { grid: [64, 76, 52] }));
    const { data, shape } = reorientToRas(image);
    const [nx = 1, ny = 1] = shape;
    const fluid = signalsOf(scannerOf(2), () => 1).csf;
    const values: number[] = [];
    for (let z = 34; z < 44; z++) {
      for (let y = 24; y < 56; y++) values.push((data[(z * ny + y) * nx + 32] ?? 0) / scannerOf(2).gain);
    }
    const dark = values.filter((value) => value < fluid + 0.25).length;
    expect(dark / values.length).toBeLessThan(0.5);
  });

  it('keeps air around the head and fits the field of view', () => {
    for (const number of [1, 2, 3]) {
      const { image } = simulate(order('no_tumor', number, { participant: `p${number}` }));
      const { data, shape } = reorientToRas(image);
      const [nx = 1, ny = 1, nz = 1] = shape;
      const corner = data[(nz - 1) * ny * nx] ?? 0;
      expect(corner).toBeLessThan(0.3 * scannerOf(number).gain);
    }
  });
});

function centre(mask: ReturnType<typeof simulate>['mask']): [number, number, number] {
  const { data, shape, affine } = reorientToRas(mask);
  const [nx = 1, ny = 1] = shape;
  const sum = [0, 0, 0, 0];
  for (const [at, value] of data.entries()) {
    if (value === 0) continue;
    const index = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    for (const axis of [0, 1, 2]) sum[axis] = (sum[axis] ?? 0) + (index[axis] ?? 0);
    sum[3] = (sum[3] ?? 0) + 1;
  }
  const at = (axis: 0 | 1 | 2) => ((sum[axis] ?? 0) / (sum[3] || 1)) * affine[axis][axis] + affine[axis][3];
  return [at(0), at(1), at(2)];
}

describe('scanners', () => {
  it('differ from site to site within their ranges, for any number of sites', () => {
    const scanners = Array.from({ length: 40 }, (_, at) => scannerOf(at + 1));
    expect(new Set(scanners.map(({ gain }) => gain)).size).toBeGreaterThan(35);
    for (const { gain, gamma, noise, bias, edges } of scanners) {
      expect(gain).toBeGreaterThanOrEqual(260);
      expect(gain).toBeLessThanOrEqual(1560);
      expect(gamma).toBeGreaterThanOrEqual(0.92);
      expect(gamma).toBeLessThanOrEqual(1.08);
      expect(noise).toBeLessThan(0.06);
      expect(bias).toBeLessThanOrEqual(0.4);
      expect(Math.min(...edges)).toBeGreaterThanOrEqual(0.9);
    }
  });

  it('order the tissues as a T1-weighted image after contrast agent does', () => {
    for (let number = 1; number <= 12; number++) {
      const s = signalsOf(scannerOf(number), () => 1);
      expect(s.white).toBe(1);
      const upwards = [s.air, s.csf, s.necrosis, s.grey, s.white, s.pituitary, s.enhancing];
      expect(upwards).toEqual([...upwards].sort((a, b) => a - b));
      expect(s.grey).toBeLessThan(0.8);
      expect(s.fat).toBeGreaterThan(1.2);
    }
  });
});
