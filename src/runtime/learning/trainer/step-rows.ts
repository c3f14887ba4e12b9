/** Steps of so many pictures are compiled as they are asked for: few rows are filled up quickly. */
const USUAL = 256;

/**
 * The rows that a step is compiled for. A batch of more pictures than a site has makes one step of them all; rows that are filled up would take the time of
 * pictures, so there are fewer: one of few sizes, for sites of about one size share what is compiled.
 * @param batchSize most pictures of a step, as asked for
 * @param pictures that there are
 */
export function rowsOfStep(batchSize: number, pictures: number): number {
  let rows = USUAL;
  while (rows < pictures) rows *= 2;
  return Math.min(batchSize, rows);
}
