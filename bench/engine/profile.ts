// Where the time of a training step goes: ONNX Runtime's own profile of the traced graph, by operator.
// usage: node bench/engine/profile.ts MODEL SIZE [--steps 8] [--threads 1] [--nodes 15]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { modelShape } from '../../src/runtime/learning/engine/model-shape.ts';
import { createObjective } from '../../src/runtime/learning/engine/objective.ts';
import { createOptimizer } from '../../src/runtime/learning/engine/optimizer.ts';
import { modelParameters } from '../../src/runtime/learning/engine/parameters.ts';
import { traceTrainStep } from '../../src/runtime/learning/engine/trace/trace-model.ts';
import { benchModel } from './models.ts';

/** An event of ONNX Runtime's trace file. */
interface Event {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly output_type_shape?: readonly Record<string, number[]>[];
  };
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string', default: '8' },
    threads: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '15' },
  },
});
const [name = 'reference', size = '128'] = positionals;
const steps = Number(options.steps);
const folder = mkdtempSync(join(tmpdir(), 'profile-'));
try {
  await train();
  report(readEvents());
} finally {
  rmSync(folder, { recursive: true });
}

async function train(): Promise<void> {
  const { batchSize, build } = benchModel(name, Number(size));
  const model = build();
  const subject = {
    model,
    parameters: modelParameters(model),
    shape: modelShape(model, { batchSize }),
    rows: batchSize,
  };
  const rules = { objective: createObjective(), optimizer: createOptimizer({ optimizer: { kind: 'adam' } }) };
  const session = await InferenceSession.create(traceTrainStep(subject, rules).bytes, {
    intraOpNumThreads: Number(options.threads),
    interOpNumThreads: 1,
    enableProfiling: true,
    profileFilePrefix: join(folder, 'step'),
    logSeverityLevel: 3,
  });
  const feeds = Object.fromEntries(
    session.inputMetadata.flatMap((input) => {
      const shape = input.isTensor ? input.shape.map(Number) : [];
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      return [
        [
          input.name,
          new Tensor(
            'float32',
            data.map(() => Math.random()),
            shape,
          ),
        ],
      ];
    }),
  );
  for (let step = 0; step < steps + 2; step++) await session.run(feeds);
  session.endProfiling();
  await session.release();
}

/** Node events of the steps after the first two. */
function readEvents(): Event[] {
  const file = readdirSync(folder)[0] ?? '';
  const events: Event[] = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const nodes = events.filter(({ cat, name: label }) => cat === 'Node' && label.endsWith('_kernel_time'));
  return nodes.slice((nodes.length / (steps + 2)) * 2);
}

function report(events: readonly Event[]): void {
  const total = sum(events);
  console.log(
    `${name} ${size}, ${options.threads} thread(s): ${total.toFixed(1)} ms a step inside operators\n`,
  );
  for (const [operator, group] of sorted(Map.groupBy(events, ({ args }) => args.op_name ?? ''))) {
    const share = `${((100 * sum(group)) / total).toFixed(0)} %`;
    console.log(
      `${operator.padEnd(26)}${sum(group).toFixed(2).padStart(9)} ms${share.padStart(6)}  ${group.length / steps} nodes`,
    );
  }
  console.log('\nlongest nodes');
  for (const [node, group] of sorted(Map.groupBy(events, ({ name: label }) => label)).slice(
    0,
    Number(options.nodes),
  )) {
    const shapes = (group[0]?.args.output_type_shape ?? []).flatMap((output) =>
      Object.values(output).map((dims) => dims.join('x')),
    );
    console.log(
      `${sum(group).toFixed(2).padStart(9)} ms  ${group[0]?.args.op_name?.padEnd(20)} ${shapes.join(', ')}  ${node.replace('_kernel_time', '')}`,
    );
  }
}

function sorted(groups: Map<string, Event[]>): [string, Event[]][] {
  return [...groups].sort(([, a], [, b]) => sum(b) - sum(a));
}

/** Milliseconds a step. */
function sum(events: readonly Event[]): number {
  return events.reduce((all, { dur }) => all + dur, 0) / 1000 / steps;
}
