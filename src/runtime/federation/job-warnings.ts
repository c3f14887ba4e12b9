import type { SplitManifest } from '../../preprocess/split/manifest.ts';
import { compareText } from '../base/text/compare-text.ts';
import { didYouMean } from '../base/text/nearest.ts';
import type { Bundle } from '../job/bundle.ts';
import type { JobDefinition } from '../job/definition.ts';
import { keyMetricWarnings } from '../job/key-metric.ts';
import type { LoadedJob } from '../job/load.ts';
import { oldNames } from '../job/workflow-options.ts';
import { classesOfModel, outputCount, parseModelSpec, taskOfModel } from '../learning/models/spec.ts';

/** What of a job will most likely fail once it runs, told before: nobody can know here what a script does in the end. */

/** All of them, of a job that was loaded; `split` where its data are at hand. */
export function jobWarnings(
  { value, definition }: LoadedJob,
  bundle: Bundle,
  split?: SplitManifest,
): string[] {
  return [
    ...oldNames(value.workflow),
    ...keyMetricWarnings(value.workflow),
    ...(definition.executor.type === 'script' ? unseenKeyMetric(definition.workflow.keyMetric, bundle) : []),
    ...closedModules(bundle),
    ...unfitClasses(definition, split),
  ];
}

/** Figures that `Trainer.evaluate` reports (`learning/trainer/confusion.ts`, `overlap.ts`). */
const OF_THE_TRAINER = ['loss', 'accuracy', 'balanced_accuracy', 'dice', 'num_examples'];

/** The key metric stands nowhere in the job's code, and is none that comes with neuroflare/mri. */
function unseenKeyMetric(metric: string, { files }: Bundle): string[] {
  const texts = files
    .filter(({ path }) => /\.[cm]?[jt]s$/.test(path))
    .map(({ bytes }) => new TextDecoder().decode(bytes));
  const reported = texts.some((text) => text.includes('neuroflare/mri')) ? OF_THE_TRAINER : [];
  const words = new Set([
    ...reported,
    ...texts.flatMap((text) => text.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? []),
  ]);
  const wanted = metric.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? [];
  // A name that is put together of parts, such as `auc/glioma`, may be made by the script.
  if (wanted.length !== 1 || wanted[0] !== metric || words.has(metric)) return [];
  return [
    `workflow.key_metric is ${metric}, which the job's code does not name: a run ends after its first round if no site reports it.${didYouMean(metric, [...words])}`,
  ];
}

/** Modules whose ways a site closes unless its policy says otherwise. */
const CLOSED =
  /\b(?:from|import|require\s*\(|import\s*\()\s*['"](?:node:)?(child_process|worker_threads|cluster|net|tls|dgram|dns|https?|http2|inspector|sqlite)(?:\/\w+)?['"]/g;

/** What works in `simulate` and is kept from the script at a site. */
function closedModules({ files }: Bundle): string[] {
  return files
    .filter(({ path }) => /\.[cm]?[jt]s$/.test(path))
    .flatMap(({ path, bytes }) => {
      const found = new TextDecoder().decode(bytes).matchAll(CLOSED);
      const modules = [...new Set([...found].map(([, name]) => name))];
      return modules.length === 0
        ? []
        : [
            `${path} imports ${modules.join(', ')}, which a site keeps from scripts unless its local/site-policy.yml says otherwise (isolate, network)`,
          ];
    });
}

/** Labels of the images in use that the model does not name, or more of them than it has outputs; classes of the model that no image has. */
function unfitClasses({ model }: JobDefinition, split: SplitManifest | undefined): string[] {
  if (model.kind !== 'built' || !split) return [];
  const spec = parseModelSpec(model.spec);
  if (taskOfModel(spec) !== 'classification') return [];
  const named = classesOfModel(spec);
  const counts = split.sites.flatMap(({ classes }) => Object.values(classes)).flatMap(Object.entries<number>);
  const used = counts.filter(([, count]) => count > 0).map(([label]) => label);
  const labels = [...new Set(used)].sort(compareText);
  const unnamed = named ? labels.filter((label) => !named.includes(label)) : [];
  if (unnamed.length > 0)
    return [
      `the data has images of ${unnamed.join(', ')}, which model.classes does not name: openDataset refuses them`,
    ];
  if (labels.length > outputCount(spec))
    return [
      `the data has ${labels.length} classes (${labels.join(', ')}), and the model ${outputCount(spec)} outputs`,
    ];
  const empty = (named ?? []).filter((name) => !labels.includes(name));
  return empty.length === 0
    ? []
    : [
        `the data has no image of ${empty.join(', ')}, which model.classes names: balanced_accuracy, and what else is over all classes, stays undefined. Name the classes there are: --set 'classes=[${labels.join(',')}]'`,
      ];
}
