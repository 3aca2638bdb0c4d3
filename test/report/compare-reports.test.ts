import test from 'ava';
import { bringsDecisions, compareReports } from '../../src/report/compare-reports';
import { comparisonToMarkdown, comparisonToText } from '../../src/report/render-comparison';
import { createReport } from '../../src/report/report';
import { line } from '../support/report-lines';

function reportOf(lines: readonly string[]) {
  const maker = createReport();
  for (const one of lines) maker.readLine(one, false, 0);
  return maker.result();
}

const tool = { package: 'tool', version: '1.0.0', fileInPackage: 'i.js', file: '/m/tool/i.js', line: 3 };
const pipe = { kind: 'pipe', code: 'CLOSEFDS_DESIGNATED', target: undefined, childFd: 3, caller: tool };

const CASES = [
  { title: 'equal groups are the same', old: [{}], recent: [{ count: 9, pid: 5 }] },
  { title: 'a new group is new', old: [], recent: [pipe], added: ['undecided'], brings: true },
  { title: 'a new stray that is closed brings no decision', old: [], recent: [{}], added: ['closed'] },
  { title: 'a group that is not there any more is gone', old: [pipe, {}], recent: [{}], gone: ['undecided'] },
  {
    title: 'a group whose line a release moved is the same',
    old: [{ ...pipe, app: 'a@1.0.0' }],
    recent: [{ ...pipe, app: 'a@1.1.0', caller: { ...tool, line: 9 } }],
  },
  {
    title: 'a new version of the caller is a change',
    old: [pipe],
    recent: [{ ...pipe, caller: { ...tool, version: '2.0.0' } }],
    changed: ['version: 1.0.0 to 2.0.0'],
  },
  {
    title: 'a state that asks for a decision now brings one',
    old: [{ ...pipe, used: false }],
    recent: [{ ...pipe, used: true, use: { verdict: 'used' } }],
    changed: ['state: closed to broke', 'used: false to true'],
    brings: true,
  },
  {
    title: 'of two places in a file, each is compared with its own line first',
    old: [pipe, { ...pipe, caller: { ...tool, line: 9 }, used: true, use: { verdict: 'used' } }],
    recent: [{ ...pipe, caller: { ...tool, line: 9 }, used: true, use: { verdict: 'used' } }, pipe],
  },
  {
    title: 'groups of different services are different',
    old: [{ app: 'a@1.0.0' }],
    recent: [{ app: 'b@1.0.0' }],
    added: ['closed'],
    gone: ['closed'],
  },
];

for (const { title, old, recent, added = [], gone = [], changed = [], brings = false } of CASES)
  test(title, t => {
    const comparison = compareReports(reportOf(old.map(line)), reportOf(recent.map(line)));
    t.deepEqual(
      {
        added: comparison.added.map(({ state }) => state),
        gone: comparison.gone.map(({ state }) => state),
        changed: comparison.changed.flatMap(({ changes }) => changes),
        brings: bringsDecisions(comparison),
      },
      { added, gone, changed, brings },
    );
  });

test('a comparison as text and as Markdown has new, changed and gone groups', t => {
  const old = reportOf([line({ ...pipe, used: false }), line({ target: '/gone' })]);
  const recent = reportOf([
    line({ ...pipe, used: true, use: { verdict: 'used' } }),
    line({ target: '/new|\u001b[31m`' }),
  ]);
  t.is(
    comparisonToText(compareReports(old, recent)),
    String.raw`1 new, 1 changed, 1 gone, 0 as before.

New
  closed: stray FD 20 (/new|\x1b[31m${'`'}) was closed: the app starting "sh", once in one process

Changed
  broke: designated FD 3 (a new pipe) was closed: tool@1.0.0 starting "sh", once in one process
    A child used it.
    state: closed to broke
    used: false to true

Gone
  closed: stray FD 20 (/gone) was closed: the app starting "sh", once in one process
`,
  );
  const markdown = comparisonToMarkdown(compareReports(old, recent));
  t.regex(markdown, /^#### New\n\n- \*\*closed\*\*: stray FD 20 \(`` \/new\|\\x1b\[31m` ``\) was closed: /m);
  t.regex(markdown, /^#### Gone\n\n- closed: stray FD 20 \(`\/gone`\)/m);
  t.regex(markdown, / {2}- `state: closed to broke`/);
});
