import { parseImageName } from '../preprocess/bids/image-name.ts';
import { DEFAULTS } from '../runtime/base/selection/selection.ts';
import { shellWord } from '../runtime/base/text/shell-word.ts';

/** Flags by which the next command finds images of a data set: none where it has the suffix that is looked for by default, else the first that it has. */
export function suffixFlags(images: readonly string[]): string[] {
  const suffixes = images.flatMap(
    (image) => parseImageName(image.slice(image.lastIndexOf('/') + 1))?.suffix ?? [],
  );
  const [first] = suffixes.toSorted();
  return first === undefined || suffixes.includes(DEFAULTS.suffix) ? [] : ['--suffix', first];
}

/** The line that names the commands of `preprocess` which come next, each with the same words. */
export function nextLine(commands: readonly string[], words: readonly string[]): string {
  const lines = commands.map((command) =>
    ['neuroflare', 'preprocess', command, ...words].map((word) => shellWord(word)).join(' '),
  );
  return `Next: ${lines.join('; ')}`;
}
