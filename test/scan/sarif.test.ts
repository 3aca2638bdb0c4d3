// SARIF as code scanning takes it.
//
// The schema here has the parts of SARIF 2.1.0's that closefds writes, with nothing else allowed in
// them. Where the standard's own schema has been fetched (npm run verify:sarif-schema), that one is asked as well.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder, write } from '../support/programs';
import { ROOT, run } from '../support/run';

const CLI = path.join(ROOT, 'dist', 'src', 'cli', 'main.js');
const OFFICIAL = path.join(ROOT, '.cache', 'sarif-schema-2.1.0.json');

interface Log {
  readonly runs: readonly [
    {
      readonly originalUriBaseIds: { readonly ROOT: { readonly uri: string } };
      readonly invocations: readonly [
        { readonly toolExecutionNotifications: readonly { message: { text: string } }[] },
      ];
      readonly tool: {
        readonly driver: { readonly version: string; readonly rules: readonly { readonly id: string }[] };
      };
      readonly results: readonly Result[];
    },
  ];
}

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly baselineState?: string;
  readonly suppressions: readonly { readonly justification: string }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
        readonly region: { readonly startLine: number; readonly startColumn: number };
      };
    },
  ];
}

const FILES = {
  'package.json': '{"name": "app"}',
  'src/a b#c.js': "\nrequire('child_process').spawn('a', { stdio: [0, 1, 2, 'pipe'] });",
  'b.js': "require('child_process').fork('a', { stdio: [0, 1, 2, 'ipc'] });",
  'c.js':
    "process.binding('spawn_sync'); process.execve('a'); child.stdio[3]; require('child_process').spawn = () => {};",
  'bad.js': 'stdio (',
  'node_modules/lmdb/package.json': '{"name": "lmdb", "version": "3.5.6"}',
};

async function scan(t: ExecutionContext, ...args: string[]): Promise<{ folder: string; log: Log }> {
  const folder = temporaryFolder(t);
  write(folder, FILES);
  const { stdout, stderr, code } = await run(CLI, {
    nodeArgs: [],
    args: ['scan', '--format', 'sarif', ...args],
    cwd: folder,
  });
  t.deepEqual([stderr, code], ['', 0]);
  return { folder, log: JSON.parse(stdout) };
}

test('it is valid', async t => {
  const { log } = await scan(t);
  const ajv = new Ajv({ allErrors: true, formats: { uri: true, 'uri-reference': /^[^\s#]*$/ } });
  const validate = ajv.compile(SCHEMA);
  validate(log);
  t.deepEqual(validate.errors ?? [], []);
});

test("it is valid by the standard's own schema", async t => {
  if (!existsSync(OFFICIAL)) {
    t.log('skipped: npm run verify:sarif-schema has not fetched the schema to .cache; .ci/run does');
    t.pass();
    return;
  }
  const { log } = await scan(t);
  const validate = new Ajv({
    allErrors: true,
    strict: false,
    validateFormats: false,
    unicodeRegExp: false,
  }).compile(JSON.parse(readFileSync(OFFICIAL, 'utf8')));
  validate(log);
  t.deepEqual(validate.errors ?? [], []);
});

test('each place is one result, with its rule, level and location', async t => {
  const { folder, log } = await scan(t);
  const [{ results, tool, originalUriBaseIds, invocations }] = log.runs;
  t.is(originalUriBaseIds.ROOT.uri, pathToFileURL(`${folder}/`).href);
  t.deepEqual(
    results.map(({ ruleId, level, locations: [{ physicalLocation }], suppressions }) => {
      const { artifactLocation, region } = physicalLocation;
      return `${ruleId} ${level} ${artifactLocation.uri}:${region.startLine} ${suppressions.map(({ justification }) => justification)}`.trim();
    }),
    [
      'closefds/stdio warning b.js:1 allow by default',
      'closefds/binding note c.js:1',
      'closefds/execve note c.js:1',
      'closefds/use warning c.js:1',
      'closefds/patch warning c.js:1',
      'closefds/stdio warning src/a%20b%23c.js:2',
      'closefds/known warning node_modules/lmdb/package.json:1',
    ],
  );
  for (const { ruleId, ruleIndex } of results) t.is(tool.driver.rules[ruleIndex]?.id, ruleId);
  t.is(
    new Set(results.map(({ partialFingerprints }) => Object.values(partialFingerprints)[0])).size,
    results.length,
  );
  t.regex(
    invocations[0].toolExecutionNotifications[0]?.message.text ?? '',
    /^bad\.js was not searched: not parsable/,
  );
});

test('with a baseline it says what is new', async t => {
  const folder = temporaryFolder(t);
  write(folder, FILES);
  const closefds = (...args: string[]) =>
    run(CLI, { nodeArgs: [], args: ['scan', ...args, '--baseline', 'known.json'], cwd: folder });
  await closefds('--write-baseline');
  write(folder, { 'd.js': FILES['b.js'] });
  const { results } = (JSON.parse((await closefds('--format', 'sarif')).stdout) as Log).runs[0];
  t.deepEqual(
    results
      .filter(({ baselineState }) => baselineState !== 'unchanged')
      .map(({ baselineState, locations }) => [
        baselineState,
        locations[0].physicalLocation.artifactLocation.uri,
      ]),
    [['new', 'd.js']],
  );
});

// ---------------------------------------------------------------------------------------------
// The parts of the standard
// ---------------------------------------------------------------------------------------------

const TEXT = { type: 'string' };
const MESSAGE = closed({ text: TEXT }, ['text']);
const LEVEL = { enum: ['none', 'note', 'warning', 'error'] };
const ARTIFACT = closed({ uri: { type: 'string', format: 'uri-reference' }, uriBaseId: TEXT });

const SCHEMA = closed(
  {
    $schema: { type: 'string', format: 'uri' },
    version: { enum: ['2.1.0'] },
    runs: list(
      closed(
        {
          tool: closed(
            {
              driver: closed(
                {
                  name: TEXT,
                  version: TEXT,
                  semanticVersion: TEXT,
                  rules: list(
                    closed(
                      {
                        id: TEXT,
                        name: TEXT,
                        shortDescription: MESSAGE,
                        defaultConfiguration: closed({ level: LEVEL }),
                      },
                      ['id'],
                    ),
                  ),
                },
                ['name'],
              ),
            },
            ['driver'],
          ),
          originalUriBaseIds: { type: 'object', additionalProperties: ARTIFACT },
          columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          invocations: list(
            closed(
              {
                executionSuccessful: { type: 'boolean' },
                toolExecutionNotifications: list(closed({ level: LEVEL, message: MESSAGE }, ['message'])),
              },
              ['executionSuccessful'],
            ),
          ),
          results: list(
            closed(
              {
                ruleId: TEXT,
                ruleIndex: { type: 'integer', minimum: -1 },
                level: LEVEL,
                message: MESSAGE,
                locations: list(
                  closed({
                    physicalLocation: closed({
                      artifactLocation: ARTIFACT,
                      region: closed({
                        startLine: { type: 'integer', minimum: 1 },
                        startColumn: { type: 'integer', minimum: 1 },
                      }),
                    }),
                  }),
                ),
                partialFingerprints: { type: 'object', additionalProperties: TEXT },
                baselineState: { enum: ['new', 'unchanged', 'updated', 'absent'] },
                suppressions: list(
                  closed(
                    {
                      kind: { enum: ['inSource', 'external'] },
                      status: { enum: ['accepted', 'underReview', 'rejected'] },
                      justification: TEXT,
                    },
                    ['kind'],
                  ),
                ),
                // A bag: anything may be in it.
                properties: { type: 'object' },
              },
              ['message'],
            ),
          ),
        },
        ['tool'],
      ),
    ),
  },
  ['version', 'runs'],
);

function closed(properties: object, required: readonly string[] = []): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

function list(items: object): object {
  return { type: 'array', items };
}
