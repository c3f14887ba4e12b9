/** A model with an array that a site may keep. */
export const LOCAL_MODEL: object = {
  initial_params: {
    weights: { dtype: 'float32', data: [1, 2] },
    'bn/mean': { dtype: 'float32', data: [10] },
  },
};

/** A client that adds its number to all it has, sends it as `args.type`, says what it had, and counts its tasks beside. */
export const LOCAL_SCRIPT = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params, currentRound } = await flare.receive();
  const metrics = { accuracy: params.weights.data[0], own: params['bn/mean'].data[0] };
  const times = Number(flare.loadState() ?? 0);
  if (times !== currentRound - 1) throw new Error('it forgot');
  flare.saveState(times + 1);
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  const number = Number(flare.siteName().slice('site-'.length));
  const paramsType = flare.args().type ?? 'FULL';
  for (const array of Object.values(params))
    array.data = array.data.map((x) => (paramsType === 'FULL' ? x + number : number));
  await flare.send({ params, paramsType, metrics });
}
`;
