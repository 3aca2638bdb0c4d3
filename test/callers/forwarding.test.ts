// Whether the text of a file shows that it only passes on the stdio that it was given.

import test from 'ava';
import { createForwardingCheck, isForwarding } from '../../src/callers/forwarding';

const PASSES_ON: Readonly<Record<string, string>> = {
  'code without stdio': `spawn(file, args, { ...defaults, ...options });`,
  'a word': `spawn(file, args, { stdio: 'inherit', ...options });`,
  'three elements': `spawn(file, args, { stdio: ['pipe', 'pipe', options.stderr], ...options });`,
  'three elements over several lines': `spawn(file, args, {\n  stdio: [\n    'pipe',\n    'pipe',\n    'inherit',\n  ],\n});`,
  "the caller's own": `spawn(file, args, { stdio: options.stdio });`,
  "the caller's own, or a word": `spawn(file, args, { stdio: options.stdio ?? 'pipe', shell: true });`,
  "the caller's own, or three elements": `opts.stdio = opts.stdio || ['ignore', 'pipe', 2];`,
  'a choice of words': `spawn(file, { stdio: isVerbose ? 'inherit' : 'pipe' });`,
  'a shorthand': `const { stdio = 'pipe' } = options; spawn(file, args, { stdio });`,
  'a quoted key': `spawn(file, args, { 'stdio': 'pipe' });`,
  'reading the standard elements': `const [, out] = child.stdio; child.stdio[2].pipe(log);`,
  'a loop over all elements': `for (let i = 0; i < stdio.length; i++) use(child.stdio[i]);`,
  'a list of names': `['stdio', 'stdin'].includes(key);`,
  'a comment with another array': `// stdio: ['pipe', 'pipe', 'pipe', 'ipc']\nspawn(file, args, options);`,
  'a comparison': `if (options.stdio === 'inherit') return;`,
  'minified code': `module.exports=(e,r)=>spawn(e,{stdio:"inherit",...r})`,
};

const SETS_FDS: Readonly<Record<string, string>> = {
  'four elements': `spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });`,
  'four elements over several lines': `spawn(file, args, {\n  stdio: [\n    'pipe',\n    'pipe',\n    'pipe',\n    'pipe',\n  ],\n});`,
  'four elements in minified code': `spawn(e,{stdio:["pipe","pipe","pipe",3]})`,
  "four elements behind the caller's own": `options.stdio = options.stdio || ['pipe', 'pipe', 'pipe', 'pipe'];`,
  'four elements in a choice': `spawn(file, { stdio: isIpc ? 'pipe' : [0, 1, 2, 'ipc'] });`,
  'a spread': `spawn(file, { stdio: [...stdio, 'pipe'] });`,
  'a variable of another name': `spawn(file, { stdio: slots });`,
  "a function's result": `spawn(file, { stdio: toStdio(options) });`,
  'an element that is set': `options.stdio[3] = 'pipe';`,
  'an element that is added': `stdio.push('ipc');`,
  'an element that is used': `const channel = child.stdio[3];`,
  'an element by a computed index that is set': `stdio[fd] = 'pipe';`,
  'a quoted key that is set': `options['stdio'] = [0, 1, 2, 3];`,
};

for (const [title, code] of Object.entries(PASSES_ON))
  test(`passes on: ${title}`, t => {
    t.true(isForwarding(code));
  });

for (const [title, code] of Object.entries(SETS_FDS))
  test(`sets FDs itself: ${title}`, t => {
    t.false(isForwarding(code));
  });

test('a large file is no wrapper', t => {
  t.true(isForwarding(' '.repeat(1000)));
  t.false(isForwarding(' '.repeat(1_000_000)));
});

test('a file is read once, and one that cannot be read passes on nothing', t => {
  const read: string[] = [];
  const check = createForwardingCheck(file => {
    read.push(file);
    if (file === 'missing') throw new Error('ENOENT');
    return '';
  });
  t.deepEqual([check('a'), check('a'), check('missing'), check('missing')], [true, true, false, false]);
  t.deepEqual(read, ['a', 'missing']);
});
