import { basename, isAbsolute } from 'node:path';
import { ERROR_CATALOG } from '../kernel/catalog.ts';
import { type ErrorReport, isErrorCode, type Place } from '../kernel/errors.ts';

/** Paths and names of files at a site say who its patients are and how its machines are laid out: they do not leave it in a text. */

/** What stands in for a path. */
const PATH = '<path>';
/** In quotes (an apostrophe opens none) a path may have blanks, commas and brackets: all that stands there goes. */
const QUOTED = /(?<!\w)(['"`])(?=[^'"`\n]*[\\/])(?!neuroflare )[^'"`\n]+\1(?!\w)/g;
/** Files of images, and folders and files of BIDS, which name a subject. */
const IMAGE = String.raw`(?:nii(?:\.gz)?|dcm|ima|mgz|nrrd|mha|png|jpe?g|tiff?|bmp)`;
const QUOTED_IMAGE = new RegExp(String.raw`(?<!\w)(['"\`])[^'"\`\n]+\.${IMAGE}\1`, 'gi');
/** An absolute path of any system up to the end of a file's name, blanks and commas in it too. */
const ABSOLUTE_FILE =
  /(?<![\w.@<>\\/-])(?:[A-Za-z]:)?[\\/][^\n'"`<>]*?\.[A-Za-z][A-Za-z0-9]{0,4}(?:\.gz)?(?![\w.\\/])/g;
const ABSOLUTE = /(?<![\w.@<>-])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'"`:,;()<>]+){2,}[\\/]?/g;
const OF_SUBJECT = /[^\s'"]*\bsub-[A-Za-z0-9]+[^\s'",:]*/g;
const IMAGE_FILE = new RegExp(String.raw`[^\s'"\`,;:()<>*]+\.${IMAGE}(?![\w.])`, 'gi');

/** As in this process, or as it was read from a message. */
type Report = Omit<ErrorReport, 'place' | 'stack'> & {
  readonly place?: { readonly [Key in keyof Place]?: Place[Key] | undefined } | undefined;
};

/** The report with no path of this machine in its words, and no place that is a file. `isOwn`: quoted files of the job, known outside. */
export function withoutSitePaths(
  report: Report,
  isOwn: (path: string) => boolean = () => false,
): Omit<ErrorReport, 'stack'> {
  const { code, exitCode, place } = report;
  const { site, round, key } = place ?? {};
  const where = {
    ...(site !== undefined && { site }),
    ...(round !== undefined && { round }),
    ...(key !== undefined && { key }),
  };
  const message = withoutPaths(report.message, place?.file, isOwn);
  // What the catalogue says in general holds no path of this site.
  const isGeneral = isErrorCode(code) && ERROR_CATALOG[code].hint === report.hint;
  const hint = isGeneral ? report.hint : withoutPaths(report.hint, place?.file, isOwn);
  return { code, message, hint, exitCode, ...(place && { place: where }) };
}

function withoutPaths(text: string, known: string | undefined, isOwn: (path: string) => boolean): string {
  // The one path that is known for sure is found whatever its name is.
  const names = known !== undefined && isAbsolute(known) ? [known, basename(known)] : [];
  const rest = names.reduce((left, name) => (name.length > 2 ? left.replaceAll(name, PATH) : left), text);
  return rest
    .replace(QUOTED, (whole, quote: string) =>
      isOwn(whole.slice(1, -1)) ? whole : `${quote}${PATH}${quote}`,
    )
    .replace(QUOTED_IMAGE, `$1${PATH}$1`)
    .replace(ABSOLUTE_FILE, PATH)
    .replace(ABSOLUTE, PATH)
    .replace(OF_SUBJECT, PATH)
    .replace(IMAGE_FILE, PATH);
}
