import * as flare from 'neuroflare/client';
import { type Attack, accuracyOf, answerOf, dataOf } from './learning.ts';

await flare.init();
const site = Number(flare.siteName().split('-').at(-1));
const { attack, attackers, features, stretch, rate } = flare.args();
const data = dataOf(site, { features: Number(features), stretch: Number(stretch) });
const own: Attack = site <= Number(attackers) ? (attack as Attack) : 'none';

while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const { weights, bias } = params;
  if (!weights || !bias) throw new Error('The model has no weights or no bias.');
  const received = { weights: Float32Array.from(weights.data), bias: Float32Array.from(bias.data) };
  const metrics = { accuracy: accuracyOf(received, data.test) };
  if (flare.isEvaluate()) {
    await flare.send({ metrics, numExamples: data.test.length });
    continue;
  }
  const { model, numExamples } = answerOf(received, data, { attack: own, rate: Number(rate) });
  await flare.send({
    params: { weights: { ...weights, data: model.weights }, bias: { ...bias, data: model.bias } },
    metrics,
    numExamples,
  });
}
