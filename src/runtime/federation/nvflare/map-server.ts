import type { JsonValue } from '../../job/definition.ts';
import type { Named, NvflareJob, Part } from './read-folder.ts';
import { type Findings, shortName } from './refusals.ts';

/** Where the first model of a job comes from. */
export type FirstModel =
  | { readonly kind: 'arrays'; readonly data: JsonValue }
  | { readonly kind: 'npy'; readonly file: string }
  | {
      readonly kind: 'class' | 'keras';
      readonly path: string;
      readonly args: Readonly<Record<string, JsonValue>>;
    }
  | { readonly kind: 'torch'; readonly file: string };

export interface MappedServer {
  readonly workflow: Readonly<Record<string, JsonValue>>;
  readonly model: FirstModel | undefined;
}

const SERVER = 'server';
/** nvflare's own where a job gives none. */
const USUAL_ARRAY = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
];
/** Of a controller: what it says of its other parts, of files of the server, and of its memory. */
const HARMLESS = [
  'persistor_id',
  'shareable_generator_id',
  'aggregator_id',
  'model_locator_id',
  'formatter_id',
  'save_filename',
  'memory_gc_rounds',
  'enable_tensor_disk_offload',
  'task_check_period',
  'task_assignment_timeout',
  'persist_every_n_rounds',
  'snapshot_every_n_rounds',
  'allow_early_termination',
  'allow_empty_global_weights',
  'ignore_result_error',
  'train_timeout',
];
/** Components that write files, pass events on, or say where the model is kept. */
const SILENT = new Set([
  'ValidationJsonGenerator',
  'MetricsArtifactWriter',
  'ConvertToFedEvent',
  'TBAnalyticsReceiver',
  'PTFileModelLocator',
  'NPModelLocator',
  'TFModelLocator',
  'FullModelShareableGenerator',
  // What scripts print goes to the server where the policy of their site says so (send_logs).
  'JobLogReceiver',
]);

/** Reads what the server of a job does into `workflow`, and notes what has no counterpart. */
export function mapServer(job: NvflareJob, findings: Findings): MappedServer {
  const { workflows, components, task_data_filters: data, task_result_filters: results } = job.server;
  for (const { filters } of [...data, ...results])
    for (const { path } of filters) refuseFilter(path, SERVER, findings);
  const shared = { ...clientsOf(job, findings), ...goalOf(components, findings) };
  const fedOpt = components.find(({ path }) => shortName(path) === 'PTFedOptModelShareableGenerator');
  const [main, ...others] = workflows;
  const mapped = main ? controllerOf(main, { job, fedOpt, findings }) : {};
  for (const other of others) {
    if (shortName(other.path) === 'CrossSiteModelEval' || shortName(other.path) === 'CrossSiteEval') {
      Object.assign(mapped, { cross_site_evaluation: true });
      findings.notes.push(
        'cross-site evaluation: the last model of each site is the one that it sent; its script is not asked for one (submit_model)',
      );
    } else
      findings.refuse(
        shortName(other.path),
        SERVER,
        'it is a second workflow, which a job here does not have',
      );
  }
  return { workflow: { ...mapped, ...shared }, model: modelOf(components, findings) };
}

export function refuseFilter(path: string, place: string, findings: Findings): void {
  findings.refuse(
    shortName(path),
    place,
    'it is a filter, which may be there for privacy; see task_result_filters of job.yaml',
  );
}

/** `min_clients` of meta.json says how many sites a job begins with; how many answers a round needs is said by the controller. */
function clientsOf(
  { clients, minClients, mandatory }: NvflareJob,
  { notes }: Findings,
): Record<string, JsonValue> {
  const named = clients.flatMap(({ sites }) => sites);
  const count = named.length > 0 ? named.length : undefined;
  if (minClients !== undefined && count !== undefined && minClients < count)
    notes.push(`meta.json: min_clients is ${minClients}, and here a job begins with all its ${count} sites`);
  return {
    ...(count !== undefined && { n_clients: count }),
    ...(mandatory.length > 0 && { mandatory_clients: [...mandatory] }),
  };
}

/** Which model is the best. */
function goalOf(components: readonly Named[], findings: Findings): Record<string, JsonValue> {
  const selector = components.find(({ path }) => shortName(path) === 'IntimeModelSelector');
  if (!selector) return {};
  const read = ['key_metric', 'negate_key_metric'];
  findings.requireKnown(selector, SERVER, {
    read,
    harmless: ['aggregation_weights', 'weigh_by_local_iter', 'validation_metric_name'],
  });
  findings.requireUnused(selector, SERVER, ['aggregation_weights']);
  const { key_metric: metric = 'val_accuracy', negate_key_metric: isLess } = selector.args;
  return { key_metric: metric, key_metric_goal: isLess === true ? 'minimize' : 'maximize' };
}

interface Around {
  readonly job: NvflareJob;
  readonly fedOpt: Part | undefined;
  readonly findings: Findings;
}

function controllerOf(controller: Named, around: Around): Record<string, JsonValue> {
  const { findings, fedOpt } = around;
  const name = shortName(controller.path);
  if (fedOpt && name !== 'ScatterAndGather')
    findings.refuse(
      'PTFedOptModelShareableGenerator',
      SERVER,
      `it is known with ScatterAndGather, not with ${name}`,
    );
  if (name === 'FedAvg' && controller.path.startsWith('nvflare.app_common.workflows.'))
    return fedAvg(controller, around);
  if (name === 'ScatterAndGather') return scatterAndGather(controller, around);
  if (name === 'Scaffold') return scaffold(controller, around);
  if (name === 'CyclicController') return cyclic(controller, around);
  const why = INSTEAD[name] ?? 'its workflow is not known here';
  findings.refuse(name, SERVER, why);
  return {};
}

const INSTEAD: Readonly<Record<string, string>> = {
  FedAvgLR: 'its sites send gradients and Hessians in place of a model, which no workflow here takes',
  SwarmServerController: 'there is no workflow without a server here',
  StatisticsController: 'see workflow.type statistics',
  XGBFedController: 'federated XGBoost is not here',
};

function fedAvg(controller: Named, { job, findings }: Around): Record<string, JsonValue> {
  const absent = [
    'stop_cond',
    'patience',
    'exclude_vars',
    'aggregation_weights',
    'aggregator',
    'start_round',
    'model',
  ];
  findings.requireKnown(controller, SERVER, {
    read: ['num_clients', 'num_rounds', 'fedprox_mu', 'task_name', ...absent],
    harmless: HARMLESS,
  });
  const {
    num_rounds: rounds = 5,
    num_clients: clients = 3,
    fedprox_mu: mu,
    task_name: task = 'train',
  } = controller.args;
  findings.requireUnused(
    { ...controller, args: { ...controller.args, start_round: controller.args.start_round || null } },
    SERVER,
    absent,
  );
  if (task !== 'train') findings.refuse('FedAvg(task_name)', SERVER, 'the task of training is named train');
  const named = job.clients.flatMap(({ sites }) => sites).length;
  const some = typeof clients === 'number' && clients > 0 ? clients : undefined;
  return {
    ...(typeof mu === 'number' && mu > 0 ? { type: 'fedprox', proximal_mu: mu } : { type: 'fedavg' }),
    num_rounds: rounds,
    ...(named === 0 && some !== undefined && { n_clients: some }),
    ...(some !== undefined && some < named && { clients_per_round: some }),
  };
}

function scatterAndGather(controller: Named, { job, fedOpt, findings }: Around): Record<string, JsonValue> {
  findings.requireKnown(controller, SERVER, {
    read: ['min_clients', 'num_rounds', 'start_round', 'wait_time_after_min_received', 'train_task_name'],
    harmless: HARMLESS,
  });
  const { num_rounds: rounds = 5, min_clients: least, train_task_name: task = 'train' } = controller.args;
  const { start_round: start, wait_time_after_min_received: wait = 10 } = controller.args;
  if (start) findings.refuse('ScatterAndGather(start_round)', SERVER, 'rounds begin with the first here');
  if (task !== 'train')
    findings.refuse('ScatterAndGather(train_task_name)', SERVER, 'the task of training is named train');
  const aggregator = job.server.components.find(
    ({ path }) => shortName(path) === 'InTimeAccumulateWeightedAggregator',
  );
  if (aggregator) requireMean(aggregator, findings);
  return {
    ...(fedOpt ? fedOptOf(fedOpt, findings) : { type: 'fedavg' }),
    num_rounds: rounds,
    ...(least !== undefined && { min_clients: least }),
    ...(typeof wait === 'number' && wait > 0 && { wait_time_after_min_received: wait }),
  };
}

function requireMean(aggregator: Named, findings: Findings): void {
  findings.requireKnown(aggregator, SERVER, {
    read: ['exclude_vars', 'aggregation_weights', 'weigh_by_local_iter'],
    harmless: ['expected_data_kind'],
  });
  findings.requireUnused(aggregator, SERVER, ['exclude_vars', 'aggregation_weights']);
  if (aggregator.args.weigh_by_local_iter === false)
    findings.refuse(
      'InTimeAccumulateWeightedAggregator(weigh_by_local_iter)',
      SERVER,
      'answers count by their steps here',
    );
}

/** The mean difference is the gradient of an optimizer at the server: of torch's only plain SGD with momentum is the same here. */
function fedOptOf(generator: Part, findings: Findings): Record<string, JsonValue> {
  const name = shortName(generator.path);
  findings.requireKnown(generator, SERVER, {
    read: ['optimizer_args', 'lr_scheduler_args'],
    harmless: ['source_model', 'device'],
  });
  if (generator.args.lr_scheduler_args)
    findings.refuse(`${name}(lr_scheduler_args)`, SERVER, "the server's learning rate stays as it is here");
  const given = generator.args.optimizer_args as
    | { path?: string; args?: Record<string, JsonValue> }
    | undefined;
  const { lr = 1, momentum = 0, ...more } = given?.args ?? {};
  if (given?.path !== undefined && given.path !== 'torch.optim.SGD')
    findings.refuse(
      given.path,
      SERVER,
      'torch corrects its moments for their beginning, which server_optimizer does not: another model would come out',
    );
  for (const key of Object.keys(more))
    findings.refuse(`${given?.path ?? name}(${key})`, SERVER, 'this argument is not known here');
  findings.notes.push(
    'FedOpt: buffers (running means of a batch normalisation) step with the optimizer, too; nvflare averages them',
  );
  return { type: 'fedopt', server_optimizer: 'sgd', server_learning_rate: lr, server_momentum: momentum };
}

function scaffold(controller: Named, around: Around): Record<string, JsonValue> {
  const { findings } = around;
  findings.notes.push(
    'SCAFFOLD: sites count alike, and changes of control variates are divided by the number of all sites, as in the paper; nvflare weighs both by steps',
  );
  return { ...fedAvg(controller, around), type: 'scaffold' };
}

function cyclic(controller: Named, { job, findings }: Around): Record<string, JsonValue> {
  findings.requireKnown(controller, SERVER, {
    read: ['num_rounds', 'order', 'task_name'],
    harmless: HARMLESS,
  });
  const { num_rounds: rounds = 5, order = 'FIXED', task_name: task = 'train' } = controller.args;
  if (order !== 'FIXED')
    findings.refuse('CyclicController(order)', SERVER, 'sites take turns in their order here');
  if (task !== 'train')
    findings.refuse('CyclicController(task_name)', SERVER, 'the task of training is named train');
  const sites = job.clients.flatMap((client) => client.sites).length || (job.minClients ?? 1);
  findings.notes.push(`cyclic: a round here is the turn of one site: ${sites} for each round of nvflare`);
  return { type: 'cyclic', num_rounds: Number(rounds) * sites };
}

function modelOf(components: readonly Named[], findings: Findings): FirstModel | undefined {
  let model: FirstModel | undefined;
  for (const component of components) {
    const name = shortName(component.path);
    const { model: given, source_ckpt_file_full_name: file } = component.args;
    const isFile = typeof file === 'string' && file !== '';
    if (name === 'NPModelPersistor') {
      findings.requireKnown(component, SERVER, {
        read: ['model', 'source_ckpt_file_full_name'],
        harmless: ['model_dir', 'model_name'],
      });
      model = isFile ? { kind: 'npy', file } : { kind: 'arrays', data: given ?? USUAL_ARRAY };
    } else if (name === 'PTFileModelPersistor') {
      findings.requireKnown(component, SERVER, {
        read: ['model', 'source_ckpt_file_full_name', 'exclude_vars', 'filter_id'],
        harmless: [
          'global_model_file_name',
          'best_global_model_file_name',
          'load_weights_only',
          'allow_numpy_conversion',
          'load_device',
        ],
      });
      findings.requireUnused(component, SERVER, ['exclude_vars', 'filter_id']);
      model = isFile ? { kind: 'torch', file } : classOf(component, 'class', findings);
    } else if (name === 'TFModelPersistor') {
      findings.requireKnown(component, SERVER, { read: ['model', 'filter_id'], harmless: ['save_name'] });
      findings.requireUnused(component, SERVER, ['filter_id']);
      model = classOf(component, 'keras', findings);
    } else if (!KNOWN.has(name) && !SILENT.has(name))
      findings.refuse(name, SERVER, 'this component is not known here');
  }
  return model;
}

/** Read elsewhere. */
const KNOWN = new Set([
  'IntimeModelSelector',
  'InTimeAccumulateWeightedAggregator',
  'PTFedOptModelShareableGenerator',
]);

function classOf(persistor: Named, kind: 'class' | 'keras', findings: Findings): FirstModel | undefined {
  const {
    path,
    class_path: named,
    args,
  } = (persistor.args.model ?? {}) as {
    path?: string;
    class_path?: string;
    args?: Record<string, JsonValue>;
  };
  const found = path ?? named;
  if (typeof found === 'string' && found.includes('.')) return { kind, path: found, args: args ?? {} };
  findings.refuse(
    `${shortName(persistor.path)}(model)`,
    SERVER,
    'it names no class of the job (module.Class)',
  );
  return undefined;
}
