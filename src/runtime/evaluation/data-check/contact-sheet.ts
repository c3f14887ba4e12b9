import { encodePng } from '../../../preprocess/image/png.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { CONTROL_SIDE, type ControlImage } from '../../learning/controls/images.ts';

/** Which participant stands where: one row or more a class, from the left. */
export interface SheetRow {
  readonly class: string;
  readonly participants: string[];
}

const COLUMNS = 16;
const ROWS_A_CLASS = 2;
const GAP = 2;
const CELL = CONTROL_SIDE + GAP;

/** Draws pictures of each class, evenly taken from the table, as a network would see them. */
export async function writeContactSheet(
  path: string,
  images: readonly ControlImage[],
  classes: readonly string[],
): Promise<SheetRow[]> {
  const rows = classes.flatMap((name, label) => {
    const own = images.filter((image) => image.label === label);
    const shown = evenly(own, COLUMNS * ROWS_A_CLASS);
    return [0, 1].map((row) => ({ name, images: shown.slice(row * COLUMNS, (row + 1) * COLUMNS) }));
  });
  const filled = rows.filter((row) => row.images.length > 0);
  const [width, height] = [COLUMNS * CELL + GAP, filled.length * CELL + GAP];
  const rgb = new Uint8Array(3 * width * height).fill(48);
  for (const [row, { images: own }] of filled.entries()) {
    for (const [column, { grey }] of own.entries()) {
      paint({ rgb, width }, grey, { x: GAP + column * CELL, y: GAP + row * CELL });
    }
  }
  await writeFileAtomic(path, await encodePng({ width, height, rgb }));
  return filled.map(({ name, images: own }) => ({ class: name, participants: own.map(({ id }) => id) }));
}

function paint(
  sheet: { rgb: Uint8Array; width: number },
  grey: Uint8Array,
  { x, y }: { x: number; y: number },
): void {
  for (const [at, value] of grey.entries()) {
    const place = (y + Math.floor(at / CONTROL_SIDE)) * sheet.width + x + (at % CONTROL_SIDE);
    sheet.rgb.fill(value, 3 * place, 3 * place + 3);
  }
}

function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, at) => items[Math.floor((at * items.length) / most)] as T);
}
