import { realpath } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { compareText } from '../../runtime/base/text/compare-text.ts';
import { mapPool } from '../../runtime/base/threads/map-pool.ts';
import { listDerivatives } from '../bids/derivatives.ts';
import { parseImageName } from '../bids/image-name.ts';
import { listFiles } from '../bids/layout.ts';
import { listSubjects } from '../bids/participants.ts';

/** What a person can look at: a volume, a picture of two dimensions, or a mask that lies over a volume. */
export interface Viewable {
  readonly kind: 'volume' | 'picture' | 'mask';
  /** Folder of its subject, such as `sub-01`. */
  readonly subject: string;
  /** Label of its session; undefined where its name has none. */
  readonly session: string | undefined;
  /** From the root of the data set, with /. */
  readonly path: string;
}

export interface Viewables {
  /** By subject, those of the data set itself before those of its derivatives. */
  readonly files: readonly Viewable[];
  /** Folders of subjects that are links out of the data set: not looked into. */
  readonly outside: number;
}

const READERS = 8;
const PICTURE = /\.(png|jpe?g)$/i;
const VOLUME = /\.nii(\.gz)?$/;
/** BIDS 1.11, "Derivatives": masks, and segmentations of several labels. */
const MASKS = new Set(['mask', 'dseg', 'probseg']);

/** Everything that can be shown of the subjects of a data set and of its derivatives, by names; contents are not looked at. */
export async function listViewables(bidsRoot: string): Promise<Viewables> {
  const root = await realpath(bidsRoot);
  const folders = [bidsRoot, ...(await listDerivatives(bidsRoot))];
  const places = await Promise.all(
    folders.map(async (folder, rank) =>
      (await listSubjects(folder).catch(() => [])).map((subject) => ({ folder, subject, rank })),
    ),
  );
  const found = await mapPool(places.flat(), { jobs: READERS }, async ({ folder, subject, rank }) => {
    const real = await realpath(join(folder, subject)).catch(() => undefined);
    if (real === undefined || !real.startsWith(root + sep)) return 'outside';
    const paths = await listFiles(folder, subject);
    return paths.flatMap((path) => viewableOf(path, { bidsRoot, subject })).map((file) => ({ file, rank }));
  });
  const files = found.flatMap((one) => (one === 'outside' ? [] : one));
  files.sort(
    (a, b) =>
      compareText(a.file.subject, b.file.subject) || a.rank - b.rank || compareText(a.file.path, b.file.path),
  );
  return { files: files.map(({ file }) => file), outside: found.filter((one) => one === 'outside').length };
}

function viewableOf(path: string, { bidsRoot, subject }: { bidsRoot: string; subject: string }): Viewable[] {
  const name = basename(path);
  const kind = kindOf(name);
  if (kind === undefined) return [];
  const session = /(?:^|_)ses-([0-9A-Za-z+]+)/.exec(name)?.[1];
  return [{ kind, subject, session, path: relative(bidsRoot, path).split(sep).join('/') }];
}

function kindOf(name: string): Viewable['kind'] | undefined {
  if (name.startsWith('.')) return undefined;
  if (PICTURE.test(name)) return 'picture';
  if (!VOLUME.test(name)) return undefined;
  return MASKS.has(parseImageName(name)?.suffix ?? '') ? 'mask' : 'volume';
}
