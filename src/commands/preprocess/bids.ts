import { basename, resolve } from 'node:path';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderBids } from '../../output/bids-summary.ts';
import { renderDicomImport } from '../../output/dicom-summary.ts';
import { type BidsSummary, bidsSummarySchema } from '../../preprocess/bids/summary.ts';
import { type DicomImport, dicomImportSchema } from '../../preprocess/dicom/import/summary.ts';
import { letBuffersPass } from '../../runtime/base/threads/let-buffers-pass.ts';

function columnFlag(what: string) {
  return Flags.string({ dependsOn: ['table'], summary: `column of the table for the ${what}` });
}

export default class PreprocessBids extends BaseCommand<BidsSummary | DicomImport> {
  static override summary =
    'turn images in class folders, named by a table, or of DICOM into a BIDS data set';
  static override description =
    'SOURCE holds one folder of JPEG or PNG images for each class, or such folders under Training and Testing; with folders in a ' +
    'class folder each is a patient. With --table it holds the images that a CSV or TSV file names: pictures, or volumes (NIfTI, MGH, ' +
    'NRRD, MetaImage), with a label and, where they are known, patient, site, session and lesion mask. Folders of BraTS and nnU-Net ' +
    'are taken as they are, with the labels of their cases from --table. TARGET becomes a BIDS ' +
    'derivative with one participant an image. Exact copies and images under two labels are marked, and images that are, or may be, of ' +
    'one patient are grouped, so that splits can keep them together. Faces are taken out of volumes of heads. A run that was broken off goes on where it was. With --dicom-map ' +
    'SOURCE is a folder of DICOM files: the series that the map chooses become raw BIDS, named by the key of the site and without what ' +
    'identifies people, places and devices; a TARGET that the same key made gets the sessions that it lacks.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./scans ./bids --table ./labels.csv',
    '<%= config.bin %> <%= command.id %> ./kaggle/Training ./bids',
    '<%= config.bin %> <%= command.id %> ./kaggle ./bids --head-mask --size 128',
    '<%= config.bin %> <%= command.id %> ./dicom ./bids --dicom-map map.yaml --key keys/site.key',
  ];

  static override args = {
    source: Args.string({
      required: true,
      description: 'folder of class folders, of the files that --table names, or of DICOM files',
    }),
    target: Args.string({ required: true, description: 'folder to make; must not exist' }),
  };

  static override flags = {
    'dicom-map': Flags.string({
      exclusive: ['table', 'exclude', 'size', 'head-mask', 'label-map'],
      summary:
        'YAML file of rules: SOURCE is a folder of DICOM files, and TARGET becomes raw BIDS of the series that fit',
    }),
    key: Flags.string({
      dependsOn: ['dicom-map'],
      summary:
        'key file of the site, from which names of subjects are made (default: the one of this user; made once)',
    }),
    table: Flags.string({ summary: 'CSV or TSV file with a row an image; its paths begin at SOURCE' }),
    'file-column': columnFlag('image file (default: file, path, image or the like)'),
    'label-column': columnFlag('label (default: label, diagnosis, class or the like)'),
    'group-column': columnFlag('patient (default: group, patient_id, subject or the like)'),
    'site-column': columnFlag('site (default: site, hospital, center or the like)'),
    'session-column': columnFlag('session (default: session, visit or the like)'),
    'mask-column': columnFlag('lesion mask of a volume (default: mask, segmentation or the like)'),
    suffix: Flags.option({
      options: ['T1w', 'T2w', 'FLAIR', 'PDw', 'T2starw'] as const,
      summary:
        'contrast of the volumes of a table (default: T1w), or of the one channel of a data set of nnU-Net',
    })(),
    'skull-stripped': Flags.boolean({
      summary: 'the volumes of a table or of nnU-Net show the brain alone',
    }),
    deface: Flags.boolean({
      allowNo: true,
      default: true,
      summary: 'take faces out of volumes, and keep masks of what was removed; --no-deface keeps faces',
    }),
    exclude: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary:
        'folder or file to leave out, by name or path in SOURCE; * stands for any characters; repeat for several',
    }),
    size: Flags.integer({ min: 16, max: 4096, summary: 'letterbox to a square of so many pixels' }),
    'head-mask': Flags.boolean({
      summary: 'crop to the head and set what lies outside to zero (a heuristic head mask, not a brain mask)',
    }),
    'label-map': Flags.string({
      summary: 'YAML or JSON file of lines "folder: label", for other folder names or labels of the table',
    }),
    'group-threshold': Flags.string({
      default: '0.90',
      summary: 'correlation over which two images count as one patient',
    }),
    'skip-bad': Flags.boolean({ summary: 'leave files out that cannot be used, instead of stopping' }),
    'dry-run': Flags.boolean({ summary: 'read, check and group the images, but write nothing' }),
    jobs: Flags.integer({ char: 'j', min: 1, max: 64, default: 4, summary: 'images worked on at once' }),
    name: Flags.string({ summary: 'name of the data set (default: that of the target folder)' }),
    author: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary: 'who made the images; repeat for several',
    }),
    license: Flags.string({
      default: 'Unknown; that of the source images applies',
      summary: 'licence of the images',
    }),
  };

  static override resultSchema = z.union([bidsSummarySchema, dicomImportSchema]);

  protected override async execute(): Promise<BidsSummary | DicomImport> {
    const { args, flags } = await this.parse(PreprocessBids);
    letBuffersPass();
    const common = {
      source: args.source,
      target: args.target,
      name: flags.name ?? basename(resolve(args.target)),
      license: flags.license,
      authors: flags.author ?? [],
      jobs: flags.jobs,
      deface: flags.deface,
      skipBad: flags['skip-bad'],
      dryRun: flags['dry-run'],
      progress: this.progress(),
      signal: this.signal,
    };
    if (flags['dicom-map'] !== undefined) {
      const { importDicom } = await import('../../preprocess/dicom/import/run-import.ts');
      return importDicom({ ...common, map: flags['dicom-map'], keyFile: flags.key });
    }
    const { convertFolder } = await import('../../preprocess/bids/convert.ts');
    const { DEFAULT_CAP, parseThreshold } = await import('../../preprocess/groups/find-groups.ts');
    return convertFolder({
      ...common,
      labelMap: flags['label-map'],
      exclude: flags.exclude ?? [],
      table: flags.table,
      columns: {
        file: flags['file-column'],
        label: flags['label-column'],
        group: flags['group-column'],
        site: flags['site-column'],
        session: flags['session-column'],
        mask: flags['mask-column'],
      },
      suffix: flags.suffix,
      skullStripped: flags['skull-stripped'],
      processing: { size: flags.size, headMask: flags['head-mask'] },
      rule: { threshold: parseThreshold(flags['group-threshold']), cap: DEFAULT_CAP },
    });
  }

  /** A dry run that found bad files answers "no". */
  protected override exitCodeOf(result: BidsSummary | DicomImport): 0 | 1 {
    if ('removed' in result) {
      return result.target === null && result.series.some(({ outcome }) => outcome === 'refused') ? 1 : 0;
    }
    return result.target === null && result.bad.length > 0 ? 1 : 0;
  }

  protected override render(result: BidsSummary | DicomImport): string {
    return 'removed' in result ? renderDicomImport(result) : renderBids(result);
  }
}
