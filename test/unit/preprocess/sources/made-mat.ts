import { File, ready } from 'h5wasm';
import { createRandom } from '../../../../src/runtime/base/random.ts';

export const WIDTH = 20;
export const HEIGHT = 24;

interface MadeSlice {
  readonly seed: number;
  readonly label: number;
  readonly patient: string;
  readonly maskWidth?: number;
  readonly struct?: string;
  readonly without?: string;
  readonly image?: Int16Array | Float64Array;
}

/** Row by row from the top left. */
export function pixelsOf(seed: number): Int16Array {
  const random = createRandom('slice', seed);
  return Int16Array.from({ length: WIDTH * HEIGHT }, () => Math.floor(3000 * random.next()));
}

/** As MATLAB keeps it: column by column. */
function byColumn<Values extends Int16Array | Uint8Array>(rows: Values, width: number): Values {
  return rows.map((_, at) => rows[Math.floor(at / HEIGHT) + width * (at % HEIGHT)] ?? 0) as Values;
}

/** A MATLAB 7.3 file with the structure of the set: 512 bytes of MATLAB's before what HDF5 begins with. */
export async function toMat({
  seed,
  label,
  patient,
  maskWidth = WIDTH,
  struct = 'cjdata',
  ...more
}: MadeSlice): Promise<Buffer> {
  const { FS } = await ready;
  const file = new File('/made.mat', 'w');
  const group = file.create_group(struct);
  const mask = new Uint8Array(maskWidth * HEIGHT);
  mask.fill(1, 5 * maskWidth + 3, 5 * maskWidth + 9);
  const parts = {
    label: { data: new Float64Array([label]), shape: [1, 1] },
    PID: { data: Uint16Array.from(patient, (letter) => letter.charCodeAt(0)), shape: [patient.length, 1] },
    image: {
      data: more.image ?? byColumn(pixelsOf(seed), WIDTH),
      shape: [WIDTH, HEIGHT],
      chunks: [WIDTH, HEIGHT],
      compression: 3,
    },
    tumorMask: { data: byColumn(mask, maskWidth), shape: [maskWidth, HEIGHT] },
  };
  for (const [name, part] of Object.entries(parts))
    if (name !== more.without) group.create_dataset({ name, ...part });
  file.close();
  const bytes = Buffer.from(FS.readFile('/made.mat'));
  FS.unlink('/made.mat');
  const userBlock = Buffer.alloc(512);
  userBlock.write('MATLAB 7.3 MAT-file, Platform: GLNXA64');
  return Buffer.concat([userBlock, bytes]);
}
