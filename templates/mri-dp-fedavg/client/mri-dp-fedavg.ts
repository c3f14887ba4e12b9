import * as flare from 'neuroflare/client';
import { compile } from 'neuroflare/engine';
import { buildModel, openDataset } from 'neuroflare/mri';

await flare.init();
const { learning_rate } = flare.args();
const { image_size, classes } = flare.model();

const data = await openDataset(flare.data(), { imageSize: image_size, classes });
const trainer = await compile(buildModel(flare.model()), { optimizer: 'sgd', privacy: flare.privacy() });

while (await flare.isRunning()) {
  const input = await flare.receive(); // params, currentRound, totalRounds
  trainer.setParams(input.params);
  const metrics = await trainer.evaluate(data.validation); // the received global model, on this site's own images
  if (flare.isEvaluate()) {
    await flare.send({ metrics });
    continue;
  }
  const progress = (input.currentRound - 1) / input.totalRounds;
  const learningRate = Number(learning_rate) * (0.5 + 0.5 * Math.cos(Math.PI * progress)); // falls over the rounds
  await trainer.fit(data.train, { learningRate, seed: flare.seed() }); // the steps of the job, with its noise
  await flare.send({ params: trainer.getParams(), metrics, numExamples: data.train.size });
}
