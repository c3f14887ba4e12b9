import * as flare from 'neuroflare/client';

await flare.init();
const step = Number(flare.args().learning_rate);

while (await flare.isRunning()) {
  const input = await flare.receive();
  const { dtype, shape, data } = input.params.numpy_key;
  const metrics = { accuracy: data.reduce((sum, x) => sum + x, 0) / data.length };
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  console.log(`round ${input.currentRound} of ${input.totalRounds} at ${flare.siteName()}`);
  const trained = data.map((x) => x + step);
  await flare.send({ params: { numpy_key: { dtype, shape, data: trained } }, metrics, numExamples: 1 });
}
