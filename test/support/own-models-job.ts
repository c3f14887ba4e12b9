/** Two numbers and a head of one. */
export const OWN_MODEL: object = {
  initial_params: {
    weights: { dtype: 'float64', data: [1, 2] },
    head: { dtype: 'float64', data: [0] },
  },
};

/**
 * Site n pulls the weights to `args.weights`, else n, and the head to `args.head`, else 10 n, by `args.pull` of the way in the last of its rounds and less before,
 * and counts its training tasks; its loss is the square of what is missing. `args.type` is how it sends; it fails in the tasks of `args.fails`.
 */
export const OWN_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params, currentRound, totalRounds } = await flare.receive();
  const number = Number(flare.siteName().slice('site-'.length));
  const { type = 'FULL', fails = [], pull = 0.25, weights = number, head = 10 * number } = flare.args();
  const goals = { weights, head };
  if (fails.includes(flare.taskName())) throw new Error('it fails');
  let loss = 0;
  for (const [name, { data }] of Object.entries(params)) for (const x of data) loss += (x - goals[name]) ** 2;
  const metrics = { loss, tasks: flare.loadState() ?? 0 };
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  flare.saveState(metrics.tasks + 1);
  for (const [name, array] of Object.entries(params)) {
    const moved = array.data.map((x) => (goals[name] - x) * pull * (currentRound / totalRounds));
    array.data = type === 'FULL' ? array.data.map((x, at) => x + moved[at]) : moved;
  }
  await flare.send({ params, paramsType: type, metrics, numExamples: number });
}
`;

/** One learns, one is worse for each round, one begins at its goal, from which the others lead it away. */
export const OWN_SITES = {
  'site-1': { weights: 4, head: 20, pull: 0.25 },
  'site-2': { weights: 2, head: 3, pull: -0.1 },
  'site-3': { weights: 1.5, head: 0, pull: 0.0625 },
} as const;
