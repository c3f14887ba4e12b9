import * as flare from 'neuroflare/client';
import { compile } from 'neuroflare/engine';
import { buildModel, openVolumes } from 'neuroflare/mri';

await flare.init();
const { learning_rate, weight_decay, local_epochs, batch_size, patches_per_volume, foreground } =
  flare.args();

const data = await openVolumes(flare.data(), {
  model: flare.model(), // what the network sees at a time, and its labels
  batchSize: batch_size,
  patchesPerVolume: patches_per_volume,
  foreground,
});
const trainer = await compile(buildModel(flare.model()), {
  optimizer: 'adamw',
  weightDecay: weight_decay,
  clipNorm: 1,
}); // Dice plus cross entropy, at all levels of the network

while (await flare.isRunning()) {
  const input = await flare.receive(); // params, currentRound, totalRounds
  trainer.setParams(input.params); // also resets the optimizer
  const metrics = await trainer.evaluate(data.validation); // the received global model, on this site's own volumes
  if (flare.isEvaluate()) {
    await flare.send({ metrics }); // the last global model is scored, too
    continue;
  }
  const progress = (input.currentRound - 1) / input.totalRounds;
  const learningRate = Number(learning_rate) * (0.5 + 0.5 * Math.cos(Math.PI * progress)); // falls over the rounds
  await trainer.fit(data.train, { epochs: local_epochs, learningRate, seed: flare.seed() });
  await flare.send({ params: trainer.getParams(), metrics, numExamples: data.train.size });
}
