import test from 'ava';
import { codeSpan, ruleText, toMarkdown } from '../../src/report/render-markdown';
import { toOpenerIssue } from '../../src/report/render-opener';
import { createReport } from '../../src/report/report';
import { line } from '../support/report-lines';

function reportOf(lines: readonly string[]) {
  const maker = createReport();
  for (const one of lines) maker.readLine(one, false, 0);
  return maker.result();
}

const gpg = { package: '@scope/gpg', version: '0.6.0', fileInPackage: 'g.js', line: 41 };
const told = {
  ...{
    kind: 'pipe',
    code: 'CLOSEFDS_DESIGNATED',
    target: undefined,
    childFd: 3,
    caller: gpg,
    command: 'gpg',
  },
  announcement: '--status-fd 3',
};

test('Markdown has what needs a decision with its rule, and a folded table of the rest', t => {
  t.is(
    toMarkdown(reportOf([line(told), line({ target: '/a|b', count: 1500 })])),
    `### closefds report

1,501 findings in 1 process, 2 groups, 2026-11-24 03:11 UTC, 1,501 closed

#### Needs a decision: 1 group

- **broke**: designated FD 3 (a new pipe) was closed: \`@scope/gpg@0.6.0\` starting \`gpg\`, once in one process
  Announced to the child by \`--status-fd 3\`.

  \`\`\`json
  {"caller":"@scope/gpg","kinds":["pipe"],"fds":[3],"effect":"allow","reason":"..."}
  \`\`\`

<details><summary>1 other group</summary>

| STATE | COUNT | OUTCOME | WHAT | WHO | TO |
| ----- | ----: | ------- | ---- | --- | -- |
| closed | 1,500 | closed | stray \`20\` \`/a\\|b\` | the app | \`sh\` |

</details>
`,
  );
});

test('Markdown of an empty report is one sentence', t => {
  t.is(toMarkdown(reportOf([])), '### closefds report\n\nNo findings.\n');
});

test('Markdown says that nothing needs a decision', t => {
  t.regex(toMarkdown(reportOf([line()])), /\*\*Nothing needs a decision\.\*\*/);
});

test('text from findings stays in code spans', t => {
  const hostile = '</details>@user #1 [x](https://e.example) `` ![i](j) \n# h \u001b[31m';
  const text = toMarkdown(
    reportOf([
      line({
        ...told,
        announcement: hostile,
        command: hostile,
        app: hostile,
        caller: { ...gpg, package: hostile, launchers: [hostile] },
      }),
      line({ target: hostile, command: hostile }),
      line({ kind: undefined, route: undefined, what: hostile, code: 'CLOSEFDS_STAND_IN' }),
    ]),
  );
  const outside = text.replace(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
  t.is(outside.includes('@user'), false, outside);
  t.is(outside.split('</details>').length, 2);
  t.false(text.includes('\u001b'));
  t.deepEqual(text.match(/^#.*$/gm), [
    '### closefds report',
    '#### Needs a decision: 1 group',
    '#### About closefds itself',
  ]);
});

for (const { text, span } of [
  { text: 'a', span: '`a`' },
  { text: 'a`b', span: '``a`b``' },
  { text: '`a``', span: '``` `a`` ```' },
  { text: ' a ', span: '`  a  `' },
  { text: '', span: '` `' },
])
  test(`the code span of ${JSON.stringify(text)} is ${span}`, t => {
    t.is(codeSpan(text), span);
  });

test('a rule is printable JSON of the same value', t => {
  const target = '/a\u202e\u2028`\u0000\u{e0041}';
  const rule = { caller: '.', target, effect: 'allow', reason: '...' } as const;
  const text = ruleText(rule as never);
  t.regex(text, /^[\x20-\x5f\x61-\x7e]+$/);
  t.deepEqual(JSON.parse(text), rule);
});

const lmdb = { package: 'lmdb', version: '3.5.6', source: 's' };

test('the text for the authors of an opener has versions, files without folders, and the fix', t => {
  const report = reportOf([
    line({ opener: lmdb, target: '/secret/folder/data.mdb', type: 'file', access: 'both', count: 5 }),
    line({ opener: { ...lmdb, version: '3.4.0' }, target: 'pipe:[7]', type: 'pipe', childFd: 30 }),
    line({ opener: { ...lmdb, package: 'other' }, target: '/other', type: 'socket' }),
  ]);
  const text = toOpenerIssue(report, 'lmdb') ?? '';
  t.regex(text, /^# `lmdb` leaves files open in child processes\n/);
  t.deepEqual(text.match(/^\| `.*$/gm), [
    '| `3.5.6` | `data.mdb` | read and write | 20 | 5 |',
    '| `3.4.0` | `pipe:[*]` | unknown | 30 | 1 |',
  ]);
  t.deepEqual(text.match(/^- \w+(?=:)/gm), ['- file', '- pipe']);
  t.regex(text, /O_CLOEXEC/);
  t.deepEqual(text.match(/secret|folder\/|\/other/g), null);
  t.is(toOpenerIssue(report, 'nothing'), undefined);
});

test('the name of an opener cannot leave its call or its fence', t => {
  const name = '");evil();//```\n# h';
  const text = toOpenerIssue(reportOf([line({ opener: { ...lmdb, package: name } })]), name) ?? '';
  t.deepEqual(text.match(/^```.*$/gm), ['```js', '```']);
  t.deepEqual(text.match(/^# .*$/gm)?.length, 1);
  const [, literal = ''] = /require\((".*")\);/.exec(text) ?? [];
  t.is(JSON.parse(literal), name);
});
