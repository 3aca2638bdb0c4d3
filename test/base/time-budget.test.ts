import test from 'ava';
import { createTimeBudget } from '../../src/base/time-budget';

test('work is due at once, and then when its share of the time is paid', t => {
  let clock = 1000;
  const ration = createTimeBudget(100, () => clock);
  const due = () => ration.canRun();
  const seen = [due()];

  ration.begin();
  clock += 2;
  ration.end();
  seen.push(due());
  clock += 199;
  seen.push(due());
  clock += 1;
  seen.push(due());

  ration.begin();
  clock += 5;
  ration.end();
  seen.push(due());
  ration.expire();
  seen.push(due());
  t.deepEqual(seen, [true, false, false, true, false, true]);
});

test('work that took no time is due again at once', t => {
  const ration = createTimeBudget(100, () => 7);
  ration.begin();
  ration.end();
  t.true(ration.canRun());
});
