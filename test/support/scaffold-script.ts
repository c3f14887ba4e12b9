/** A client with a quadratic loss, sum(a (w - b)^2) / 2, that takes `steps` steps of SCAFFOLD in a loop of its own, and counts its rounds. */
export const SCAFFOLD_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { a = [1, 2, 3, 4], b = [2, 1, 0, 3], steps = 3, rate = 0.1 } = flare.args();
  const { dtype, shape, data } = params.weights;
  const shift = (flare.seed() % 100) / 1000 * Number(flare.args().noise ?? 0);
  const gradient = (w) => w.map((x, at) => a[at] * (x - b[at] - shift));
  const metrics = { accuracy: data.reduce((sum, x) => sum + x, 0) / data.length };
  if (flare.isEvaluate()) {
    await flare.send({ metrics: { ...metrics, trained: Number(flare.loadState() ?? 0) } });
    continue;
  }
  const trained = Number(flare.loadState() ?? 0) + 1;
  flare.saveState(trained);
  const correction = flare.correction()?.weights.data;
  let w = data;
  for (let step = 0; step < steps; step++) {
    const g = gradient(w);
    w = w.map((x, at) => x - rate * (g[at] + (correction?.[at] ?? 0)));
  }
  flare.tookSteps(steps * rate, { weights: { dtype, shape, data: gradient(data) } });
  await flare.send({ params: { weights: { dtype, shape, data: w } }, metrics: { ...metrics, trained } });
}
`;
