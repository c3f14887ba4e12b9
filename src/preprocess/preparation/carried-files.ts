import { join } from 'node:path';
import { prettyJson } from '../../runtime/base/digest.ts';
import { packageVersion } from '../../runtime/base/files/package-version.ts';
import { namesIn } from '../bids/names-in.ts';
import { readContent } from '../bids/read-inside.ts';
import { objectOf, readSidecar } from '../bids/sidecar.ts';
import { BIDS_VERSION } from '../bids/versions.ts';

/** Files of a data set that come along as they are, by their paths below it. */
export type CarriedFiles = ReadonlyMap<string, string | Uint8Array>;

/**
 * The tables of a data set with what says what their columns mean: participants.tsv, the sessions.tsv of these subjects, and phenotype.
 * @throws NF_DATA_SIDECAR, NF_BIDS_CONTENT_ABSENT, as `readContent`
 */
export async function carriedTables(root: string, subjects: readonly string[]): Promise<CarriedFiles> {
  const phenotype = (await namesIn(join(root, 'phenotype'))).filter((name) => /\.(tsv|json)$/.test(name));
  const names = [
    'participants.tsv',
    'sessions.json',
    ...subjects.flatMap((id) => [`${id}/${id}_sessions.tsv`, `${id}/${id}_sessions.json`]),
    ...phenotype.map((name) => `phenotype/${name}`),
  ];
  const files = await readAll(root, names);
  for (const [name, content] of files) if (name.endsWith('.json')) files.set(name, described(content));
  const columns = await readSidecar(root);
  if (columns) files.set('participants.json', described(prettyJson(columns)));
  return files;
}

/** The validator asks for a `Description` of every table in a derivative. */
function described(content: string | Uint8Array): string | Uint8Array {
  const columns = objectOf(content);
  return columns ? prettyJson({ Description: 'As in the source', ...columns }) : content;
}

/**
 * What stands in the folder of a derivative about it: description, readme, tables, sidecars.
 * @param where `link` leads from the folder that the derivative comes into to the data set; `space` is that of a template
 */
export async function carriedFrame(
  root: string,
  derivative: string,
  { link, space }: { link: string; space: string | undefined },
): Promise<CarriedFiles> {
  const names = (await namesIn(join(root, derivative))).filter((name) => FRAME.test(name));
  const files = await readAll(
    root,
    names.map((name) => `${derivative}/${name}`),
  );
  for (const [name, content] of files) if (name.endsWith('.json')) files.set(name, inSpace(content, space));
  const description = `${derivative}/dataset_description.json`;
  files.set(description, describeMasks(files.get(description), { derivative, link }));
  return files;
}

/** A sidecar that says what its images are in line with. */
function inSpace(content: string | Uint8Array, space: string | undefined): string | Uint8Array {
  const sidecar = objectOf(content);
  if (space === undefined || !sidecar || !('SpatialReference' in sidecar)) return content;
  return prettyJson({ ...sidecar, SpatialReference: space });
}

const FRAME = /^(README(\.(md|rst|txt))?|CHANGES|\.bidsignore|[^/]+\.(json|tsv))$/;

function describeMasks(
  found: string | Uint8Array | undefined,
  { derivative, link }: { derivative: string; link: string },
): string {
  const before = (found === undefined ? undefined : objectOf(found)) ?? {};
  const by =
    'GeneratedBy' in before && Array.isArray(before.GeneratedBy) ? (before.GeneratedBy as unknown[]) : [];
  const links = 'DatasetLinks' in before ? (before.DatasetLinks as object) : {};
  return prettyJson({
    Name: derivative,
    BIDSVersion: BIDS_VERSION,
    DatasetType: 'derivative',
    ...before,
    DatasetLinks: { ...links, raw: `${derivative.replace(/[^/]+/g, '..')}/${link}` },
    GeneratedBy: [
      ...by,
      {
        Name: 'neuroflare',
        Version: packageVersion(),
        Description:
          'preprocess volumes: labels put onto the grids of the prepared images, each voxel by the nearest.',
      },
    ],
  });
}

async function readAll(root: string, names: readonly string[]): Promise<Map<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  for (const name of names) {
    const file = join(root, name);
    const bytes = await readContent(root, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    });
    if (bytes) files.set(name, bytes);
  }
  return files;
}
