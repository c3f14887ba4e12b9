// Old, plain JavaScript: it runs on whatever Node the system has, brings the packages, and hands over to the Node
// that came with them.   usage: node scripts/bootstrap.cjs SCRIPT [ARG ...]
'use strict';
var childProcess = require('node:child_process');
var crypto = require('node:crypto');
var fs = require('node:fs');
var path = require('node:path');

var root = path.join(__dirname, '..');
var windows = process.platform === 'win32';
var env = Object.assign({}, process.env, {
  // Its install script fetches CUDA files from outside the registry; the CPU and WebGPU library is in the package.
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  PATH: path.join(root, 'node_modules', '.bin') + path.delimiter + process.env.PATH,
});

installIfNeeded();
var node = path.join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
run(node, [path.join(root, process.argv[2])].concat(process.argv.slice(3)));

/** Runs `npm ci` when the packages are not those of the lock file. */
function installIfNeeded() {
  var lock = fs.readFileSync(path.join(root, 'package-lock.json'));
  var wanted = crypto.createHash('sha256').update(lock).digest('hex');
  var mark = path.join(root, 'node_modules', '.installed');
  if (fs.existsSync(mark) && fs.readFileSync(mark, 'utf8') === wanted) return;
  console.log('Installing packages ...');
  run(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  fs.writeFileSync(mark, wanted);
}

function run(command, args) {
  var result = childProcess.spawnSync(command, args, {
    cwd: root,
    env: env,
    stdio: 'inherit',
    shell: windows,
  });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status === null ? 1 : result.status);
}
