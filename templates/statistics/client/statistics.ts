import * as flare from 'neuroflare/client';
import { describeData } from 'neuroflare/mri';

await flare.init();
const { classes, columns, least_people } = flare.args();

while (await flare.isRunning()) {
  await flare.receive();
  // Sums and counts over people; of few people nothing.
  const statistics = await describeData(flare.data(), { classes, columns, leastPeople: least_people });
  await flare.send({ metrics: { num_examples: statistics?.people ?? 0, data_statistics: statistics } });
}
