/**
 * A client with a quadratic loss, sum(a (w - b)^2) / 2, that takes `steps` steps in a loop of its own, with what its workflow asks for: a pull
 * towards the received model, and a correction. It says the numbers that it received, and how often it trained; `args.ignores` has it train without.
 */
export const RULED_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { a = [1, 2, 3], b = [2, 1, 0], steps = 3, rate = 0.1, ignores = [] } = flare.args();
  const { dtype, shape, data } = params.weights;
  const loss = data.reduce((sum, x, at) => sum + (a[at] * (x - b[at]) ** 2) / 2, 0);
  const metrics = { loss, w0: data[0], w1: data[1], w2: data[2], trained: Number(flare.loadState() ?? 0) };
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  flare.saveState(metrics.trained + 1);
  const mu = ignores.includes('pull') ? 0 : flare.proximalMu();
  const correction = ignores.includes('correction') ? undefined : flare.correction()?.weights.data;
  let w = data;
  for (let step = 0; step < steps; step++)
    w = w.map((x, at) => x - rate * (a[at] * (x - b[at]) + mu * (x - data[at]) + (correction?.[at] ?? 0)));
  await flare.send({ params: { ...params, weights: { dtype, shape, data: w } }, metrics });
}
`;

export const RULED_MODEL: object = { initial_params: { weights: { dtype: 'float64', data: [1, 2, 3] } } };
