import { prettyJson } from '../../../runtime/base/digest.ts';
import { flError } from '../../../runtime/base/errors/errors.ts';
import { noProgress, type Progress } from '../../../runtime/base/logging/progress.ts';
import { compareText } from '../../../runtime/base/text/compare-text.ts';
import { mapPool } from '../../../runtime/base/threads/map-pool.ts';
import { withMemory } from '../../../runtime/base/threads/memory-share.ts';
import { checkApart } from '../../bids/check-places.ts';
import { type DefaceThreads, defaceThreads } from '../../deface/deface-threads.ts';
import { faceMaskFiles, faceMethod } from '../../deface/face-record.ts';
import { Converter } from '../convert/converter.ts';
import type { Problem } from '../problems.ts';
import { type FolderScan, type ScannedSeries, scanFolder } from '../scan.ts';
import { readSeriesMap, type SeriesMap } from '../series-map.ts';
import { seriesIdOf, sessionOf, subjectOf } from '../series-row.ts';
import { checkKeyPlace, defaultKeyPath, openSiteKey, passingKey, type SiteKey } from '../site-key.ts';
import { shiftedTime } from './dates.ts';
import { addDefacing } from './faces.ts';
import { labelsOf } from './labels.ts';
import { type ImportPlan, type PlannedSeries, planImport, refusedError } from './plan.ts';
import { checkImageBytes, checkTexts, type OutputText, sidecarTexts } from './search-outputs.ts';
import { sidecarOf } from './sidecar.ts';
import type { DicomImport, ImportedSeries } from './summary.ts';
import { mergedParticipants, removedTable, scansTable } from './tables.ts';
import { openTarget, type TargetTree } from './target.ts';
import {
  type DatasetWords,
  deidentificationMethod,
  participantsSidecar,
  rootTexts,
  scansSidecar,
} from './texts.ts';
import { imagesOf, type MadeImage } from './volumes.ts';

export interface ImportOptions extends DatasetWords {
  readonly source: string;
  readonly target: string;
  readonly map: string;
  /** The site's key; undefined for the user's own. */
  readonly keyFile: string | undefined;
  readonly jobs: number;
  /** Leave chosen series out that cannot be used, instead of stopping. */
  readonly skipBad: boolean;
  readonly dryRun: boolean;
  /** Take faces out of all images but those of rules with `deface: false`. */
  readonly deface: boolean;
  readonly progress?: Progress;
  readonly signal: AbortSignal;
}

/** An image without its bytes, once they are written. */
type WrittenImage = Pick<MadeImage, 'path' | 'sidecar' | 'face'>;

interface Done {
  readonly planned: PlannedSeries;
  readonly images: readonly WrittenImage[];
  readonly problem?: Problem;
}

/**
 * Chosen series of a folder of DICOM files to raw BIDS, named by the key of the site and without anything that identifies. The target appears
 * whole or not at all; one that an import with the same key made gets the sessions that it lacks.
 * @throws NF_DICOM_*, NF_PATH_*; nothing in a message is of a patient
 */
export async function importDicom(options: ImportOptions): Promise<DicomImport> {
  const { source, dryRun } = options;
  await checkApart({ source, target: options.target });
  const map = await readSeriesMap(options.map);
  const keyFile = options.keyFile ?? defaultKeyPath();
  await checkKeyPlace(keyFile, [options.target, source]);
  const there = await openSiteKey(keyFile, { make: false });
  const scan = await scanFolder(options);
  // A dry run makes no key: names are then others than those of the import.
  const key = there ?? (dryRun ? passingKey() : undefined) ?? (await madeKey(keyFile));
  const plan = planImport(scan.series, { map, key });
  if (plan.refused.length > 0 && !options.skipBad && !dryRun)
    throw refusedError(plan.refused, { source, total: plan.refused.length + plan.chosen.length });
  const labels = await labelsOf(map, { plan, key });
  const made = { file: keyFile, made: there === undefined && !dryRun };
  const context = { options, map, key, plan, scan, labels };
  const done = dryRun ? plan.chosen.map((planned): Done => ({ planned, images: [] })) : await write(context);
  return summarise(context, { done, key: made });
}

interface Context {
  readonly options: ImportOptions;
  readonly map: SeriesMap;
  readonly key: SiteKey;
  readonly plan: ImportPlan;
  readonly scan: FolderScan;
  /** By subject; undefined without a table. */
  readonly labels: ReadonlyMap<string, string> | undefined;
}

async function madeKey(path: string): Promise<SiteKey> {
  const key = await openSiteKey(path, { make: true });
  if (!key) throw flError('NF_DICOM_KEY', { path }, { place: { file: path } });
  return key;
}

async function write(context: Context): Promise<Done[]> {
  const { options, key } = context;
  const tree = await openTarget(options.target, key);
  const converter = new Converter(options.signal);
  const defacing = defaceThreads(options.signal);
  try {
    const done = await convertAll(context, { tree, converter, defacing });
    await writeTables(context, { tree, done });
    options.signal.throwIfAborted();
    await tree.publish();
    return done;
  } catch (error) {
    await tree.discard();
    throw error;
  } finally {
    await Promise.all([converter.close(), defacing.close()]);
  }
}

interface Work {
  readonly tree: TargetTree;
  readonly converter: Converter;
  readonly defacing: DefaceThreads;
}

async function convertAll(context: Context, work: Work): Promise<Done[]> {
  const { options, plan } = context;
  const { jobs, signal, progress = noProgress } = options;
  const isNew = ({ subject, session }: PlannedSeries) => !work.tree.sessions.has(`${subject}/${session}`);
  const fresh = plan.chosen.filter(isNew);
  let count = 0;
  const done = await mapPool(fresh, { jobs, signal }, async (planned) => {
    const one = await convertOne(planned, { context, work });
    progress({ what: 'series', done: ++count, total: fresh.length });
    return one;
  });
  const failed = done.filter(({ problem }) => problem);
  if (failed.length > 0 && !options.skipBad) {
    const refused = failed.map(({ planned, problem }) => ({
      ...planned,
      problems: problem ? [problem] : [],
    }));
    throw refusedError(refused, { source: options.source, total: fresh.length });
  }
  return [
    ...done,
    ...plan.chosen.filter((planned) => !isNew(planned)).map((planned) => ({ planned, images: [] })),
  ];
}

async function convertOne(
  planned: PlannedSeries,
  { context, work }: { context: Context; work: Work },
): Promise<Done> {
  const { map, options, scan } = context;
  const paths = planned.series.files.map(({ path }) => path);
  const bytes = planned.series.files.reduce((sum, { size }) => sum + size, 0);
  const files = await withMemory(3 * bytes, () => work.converter.convert(paths));
  const deface = options.deface && planned.rule.deface ? work.defacing : undefined;
  const images = await imagesOf(planned, { files, drop: map.drop, deface });
  if ('code' in images) return { planned, images: [], problem: images };
  checkTexts(sidecarTexts(images), scan.identifiers);
  checkTexts(ruleTexts(planned), scan.identifiers);
  for (const { path, volume, sidecar, gradients, face } of images) {
    await work.tree.add(`${path}.nii.gz`, volume.bytes);
    const method = [...deidentificationMethod(map), faceMethod(face)];
    const said = { ...sidecarOf(sidecar, planned.rule), DeidentificationMethod: method };
    await work.tree.add(`${path}.json`, prettyJson(said));
    if (face.outcome !== 'kept')
      for (const [file, content] of faceMaskFiles(`${path}.nii.gz`, face.mask))
        await work.tree.add(file, content);
    if (gradients) {
      await work.tree.add(`${path}.bval`, gradients.bval);
      await work.tree.add(`${path}.bvec`, gradients.bvec);
    }
    checkImageBytes(`${path}.nii.gz`, await work.tree.read(`${path}.nii.gz`));
  }
  return { planned, images: images.map(({ path, sidecar, face }) => ({ path, sidecar, face })) };
}

/** What the map adds to names and sidecars, in the words of whoever wrote it. */
function ruleTexts({ stem, rule }: PlannedSeries): OutputText[] {
  const said = Object.entries(rule.sidecar ?? {}).map(([key, value]) => ({
    file: 'a sidecar',
    key,
    text: String(value),
  }));
  return [{ file: 'a path', key: 'entities', text: stem.split('_').slice(2).join(' ') }, ...said];
}

async function writeTables(
  context: Context,
  { tree, done }: { tree: TargetTree; done: readonly Done[] },
): Promise<void> {
  const { options, map, scan, key, labels, plan } = context;
  const texts = [options.name, options.license, ...options.authors];
  checkTexts(
    [
      ...texts.map((text) => ({ file: 'dataset_description.json', key: 'name, licence, authors', text })),
      ...[...(labels?.values() ?? [])].map((text) => ({ file: 'participants.tsv', key: 'diagnosis', text })),
    ],
    scan.identifiers,
  );
  const suffixes = new Set(plan.chosen.map(({ rule }) => rule.suffix ?? ''));
  const files = await tree.files();
  const subjects = new Set(files.flatMap((file) => /^sub-[0-9a-f]+(?=\/)/.exec(file)?.[0] ?? []));
  for (const file of files) {
    const suffix = /^([A-Za-z0-9]+)\.json$/.exec(file)?.[1];
    if (suffix !== undefined && !['participants', 'scans'].includes(suffix)) suffixes.add(suffix);
  }
  const root = rootTexts(options, {
    map,
    suffixes: [...suffixes].filter((suffix) => suffix !== '').sort(),
    participants: subjects.size,
  });
  for (const [file, text] of root) await tree.add(file, text);
  for (const [session, own] of Map.groupBy(done, ({ planned }) => `${planned.subject}/${planned.session}`)) {
    const rows = own.flatMap(({ planned, images }) => images.map(({ path }) => ({ path, planned })));
    if (rows.length === 0) continue;
    const times = rows.map(({ path, planned: { series, subject } }) => ({
      file: `${path.split('/').slice(2).join('/')}.nii.gz`,
      time:
        map.dates === 'drop' || series.time === undefined
          ? undefined
          : shiftedTime(series.time, { subject, key }),
    }));
    await tree.add(`${session}/${session.replace('/', '_')}_scans.tsv`, scansTable(times));
  }
  const table = mergedParticipants(await tree.earlier('participants.tsv'), {
    subjects: [...subjects].sort(),
    labels,
  });
  await tree.add('participants.tsv', table.text);
  await tree.add('participants.json', prettyJson(participantsSidecar(map, table)));
  await tree.add('scans.json', prettyJson(scansSidecar(map)));
  await tree.add('code/deidentification.tsv', removedTable(removedOf(scan, done)));
  const faces = new Map(
    done.flatMap(({ images }) => images.map(({ path, face }) => [`${path}.nii.gz`, face] as const)),
  );
  await addDefacing(tree, { faces, words: options, method: deidentificationMethod(map) });
}

/** Elements and keys that identify and were not carried over, with how often they were met. */
function removedOf(scan: FolderScan, done: readonly Done[]): DicomImport['removed'] {
  const counts = new Map(scan.identifiers.counts);
  for (const { images } of done)
    for (const { sidecar } of images)
      for (const key of sidecar.left) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].map(([tag, count]) => ({ tag, count })).sort((a, b) => compareText(a.tag, b.tag));
}

function summarise(
  context: Context,
  { done, key: made }: { done: readonly Done[]; key: DicomImport['key'] },
): DicomImport {
  const { options, plan, scan, key, labels } = context;
  const base = (series: ScannedSeries) => ({
    series: seriesIdOf(series, key),
    subject: subjectOf(series, key),
    session: sessionOf(series, key),
  });
  const none = { images: [], problems: [] };
  const skipped = plan.skipped.map(({ series, rule }): ImportedSeries => {
    return { ...base(series), rule, outcome: 'skipped', ...none };
  });
  const unmatched = plan.unmatched.map((series): ImportedSeries => {
    return { ...base(series), rule: null, outcome: 'unmatched', ...none };
  });
  const chosen = done.map(({ planned, images, problem }): ImportedSeries => {
    const { rule, series, problems } = planned;
    const outcome = problem
      ? 'refused'
      : images.length > 0
        ? 'converted'
        : options.dryRun
          ? 'planned'
          : 'there_already';
    const paths =
      outcome === 'planned'
        ? [`${planned.folder}/${planned.stem}_${rule.suffix}`]
        : images.map(({ path }) => path);
    return {
      ...base(series),
      rule: rule.name,
      outcome,
      images: paths,
      problems: [...problems, ...(problem ? [problem] : [])],
    };
  });
  const refused = plan.refused.map(
    ({ series, rule, problems }): ImportedSeries => ({
      ...base(series),
      rule: rule.name,
      outcome: 'refused',
      images: [],
      problems: [...problems],
    }),
  );
  const used = chosen.filter(({ outcome }) => outcome === 'converted' || outcome === 'planned');
  const subjects = new Set(used.map(({ subject }) => subject));
  const labelled = [...subjects].flatMap((subject) => labels?.get(subject) ?? []);
  return {
    target: options.dryRun ? null : options.target,
    key: made,
    series: [...chosen, ...refused, ...skipped, ...unmatched],
    subjects: subjects.size,
    sessions: new Set(used.map(({ subject, session }) => `${subject}/${session}`)).size,
    images: used.reduce((sum, { images }) => sum + images.length, 0),
    labels: labels
      ? Object.fromEntries(
          [...Map.groupBy(labelled, (label) => label)].map(([label, all]) => [label, all.length]),
        )
      : null,
    unlabelled: labels ? subjects.size - labelled.length : 0,
    removed: removedOf(scan, done),
    faces: facesOf(done),
    files: { ...scan.files },
  };
}

function facesOf(done: readonly Done[]): DicomImport['faces'] {
  return done.flatMap(({ images }) =>
    images.map(({ path, face }) => ({
      image: path,
      face: face.outcome,
      removed_ml: face.outcome === 'kept' ? null : Number(face.removedMl.toFixed(1)),
    })),
  );
}
