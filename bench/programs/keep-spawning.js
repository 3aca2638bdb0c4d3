// node keep-spawning.js '{ "seconds", "rate", "strays" }': spawns at most `rate` times a second. Prints how many
// processes were made, and the used memory in MB after the first second and at the end.

const childProcess = require('node:child_process');

const { memory, NOTHING, openStrays } = require('./common.js');

const { seconds, rate, strays } = JSON.parse(process.argv[2]);
/** So many processes at once keep two cores busy. */
const AT_ONCE = 8;

openStrays(strays);

const begin = performance.now();
const elapsed = () => (performance.now() - begin) / 1000;
let made = 0;
let running = 0;
let early;
const timer = setInterval(startDue, 2);

function startDue() {
  if (elapsed() >= 1) early ??= memory().used;
  if (elapsed() >= seconds) return end();
  while (running < AT_ONCE && made < elapsed() * rate) {
    made++;
    running++;
    childProcess.spawn(NOTHING, [], { stdio: 'ignore' }).on('exit', ended);
  }
}

function ended() {
  running--;
  if (elapsed() < seconds) startDue();
}

function end() {
  clearInterval(timer);
  process.stdout.write(JSON.stringify({ made, perSecond: made / elapsed(), early, late: memory().used }));
}
