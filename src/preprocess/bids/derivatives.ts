import { join } from 'node:path';
import { namesIn } from './names-in.ts';

/** Folders of the derivatives that lie in a data set, by their names; none where it has none. */
export async function listDerivatives(bidsRoot: string): Promise<string[]> {
  const folder = join(bidsRoot, 'derivatives');
  return (await namesIn(folder)).map((name) => join(folder, name));
}
