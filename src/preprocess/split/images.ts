import { counted } from '../../runtime/base/text/counted.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { listImages } from '../bids/layout.ts';
import { COLUMN, listSubjects, type Participants } from '../bids/participants.ts';

const READERS = 8;

/**
 * Who of those to be split has no image, by name, and what else a split should tell of the images. A table without any folder beside it is
 * split as it is.
 */
export async function lookForImages(
  bidsRoot: string,
  { rows }: Participants,
): Promise<{ imageless: ReadonlySet<string>; notes: string[] }> {
  if ((await listSubjects(bidsRoot)).length === 0)
    return {
      imageless: new Set(),
      notes: ['there is no folder of any subject, so that no image was looked for'],
    };
  const wanted = rows.filter(({ values }) => !values.has(COLUMN.setAside));
  const found = await mapPool(wanted, { jobs: READERS }, async ({ id }) => {
    const paths = await listImages(bidsRoot, id);
    // An image that is there plain and packed is one; `preprocess check` tells of it.
    return { id, count: new Set(paths.map((path) => path.replace(/\.gz$/, ''))).size };
  });
  const imageless = new Set(found.filter(({ count }) => count === 0).map(({ id }) => id));
  const several = found.filter(({ count }) => count > 1);
  const [first] = several;
  const notes = first
    ? [
        `${counted(several.length, 'subject has', 'subjects have')} several T1w images, which are all used: ${first.id} has ${first.count}`,
      ]
    : [];
  return { imageless, notes };
}
