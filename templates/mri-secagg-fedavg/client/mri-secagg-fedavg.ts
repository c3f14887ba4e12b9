import * as flare from 'neuroflare/client';
import { compile } from 'neuroflare/engine';
import { buildModel, describeImages, openDataset } from 'neuroflare/mri';

await flare.init();
const { learning_rate, weight_decay, label_smoothing, local_epochs, batch_size } = flare.args();
const { sampling, logit_adjustment, class_prior, warmup_rounds, warmup_steps } = flare.args();
const { image_size, dimensions, classes } = flare.model();

const data = await openDataset(flare.data(), {
  imageSize: image_size,
  dimensions, // 3: volumes as a whole
  classes,
  batchSize: batch_size,
  sampling,
  augment: { rotate: 12, scale: 0.12, shift: 0.06, gamma: 0.25 }, // and flips; see docs/evaluation.md
});
const trainer = await compile(buildModel(flare.model()), {
  optimizer: 'adamw',
  weightDecay: weight_decay,
  labelSmoothing: label_smoothing,
  logitAdjustment: logit_adjustment,
  classPrior: class_prior,
  warmupSteps: warmup_steps,
});

while (await flare.isRunning()) {
  const input = await flare.receive(); // params, currentRound, totalRounds
  trainer.setParams(input.params); // also resets the optimizer
  const metrics = await trainer.evaluate(data.validation); // the received global model, on this site's own images
  if (flare.isEvaluate()) {
    // The last global model is scored, too, and predict will know images that are unlike those of training.
    await flare.send({ metrics: { ...metrics, image_profile: await describeImages(data) } });
    continue;
  }
  const progress = (input.currentRound - 1) / input.totalRounds;
  const rise = Math.min(1, input.currentRound / Number(warmup_rounds)); // over the first rounds
  const learningRate = Number(learning_rate) * rise * (0.5 + 0.5 * Math.cos(Math.PI * progress)); // then it falls
  const fitted = await trainer.fit(data.train, { epochs: local_epochs, learningRate, seed: flare.seed() });
  const work = { images_seen: fitted.images, steps: fitted.steps }; // budgets that runs are compared at
  const report = { ...metrics, ...work };
  await flare.send({ params: trainer.getParams(), metrics: report, numExamples: data.train.size });
}
