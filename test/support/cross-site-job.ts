/** Two numbers and a head of one. */
export const CROSS_SITE_MODEL: object = {
  initial_params: {
    weights: { dtype: 'float32', data: [1, 2] },
    head: { dtype: 'float32', data: [0] },
  },
};

/** Site n pulls the weights half the way to n, and the head to 10 n; its loss is the square of what is missing. */
export const CROSS_SITE_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const number = Number(flare.siteName().slice('site-'.length));
  const goals = { weights: number, head: 10 * number };
  let loss = 0;
  for (const [name, { data }] of Object.entries(params)) for (const x of data) loss += (x - goals[name]) ** 2;
  if (flare.isEvaluate()) {
    await flare.send({ metrics: { loss } });
    continue;
  }
  for (const [name, array] of Object.entries(params))
    array.data = array.data.map((x) => x + (goals[name] - x) / 2);
  await flare.send({ params, metrics: { loss }, numExamples: number });
}
`;
