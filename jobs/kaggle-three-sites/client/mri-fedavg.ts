import * as flare from 'neuroflare/client';
import { compile } from 'neuroflare/engine';
import { buildModel, openDataset } from 'neuroflare/mri';

await flare.init();
const { learning_rate, local_epochs, batch_size } = flare.args();
const { image_size, classes } = flare.model();

const data = await openDataset(flare.data(), { imageSize: image_size, classes, batchSize: batch_size });
const trainer = await compile(buildModel(flare.model()), { optimizer: 'adam', learningRate: learning_rate });

while (await flare.isRunning()) {
  const input = await flare.receive(); // params, currentRound, totalRounds
  trainer.setParams(input.params); // also resets the optimizer
  const metrics = await trainer.evaluate(data.validation); // the received global model, on this site's own images
  if (flare.isEvaluate()) {
    await flare.send({ metrics }); // the last global model is scored, too
    continue;
  }
  await trainer.fit(data.train, { epochs: local_epochs, seed: flare.seed() });
  await flare.send({ params: trainer.getParams(), metrics, numExamples: data.train.size });
}
