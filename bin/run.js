#!/usr/bin/env node
// Plain old JavaScript, so that a Node too old for neuroflare can still read it and say so.

import('./launch.js').then((launch) => launch.main());
