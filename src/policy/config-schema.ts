// The JSON schema of a config; `npm run build:schemas` writes it to config.schema.json.

import { CONDITION_TEXTS, CONDITIONS } from './conditions';
import { CONFIG_CONDITIONS } from './parse-config';
import { PACKAGE_NAME } from './parse-value';
import { EFFECTS, MODES } from './rule';
import { VALUE_SCHEMAS } from './value-types';

const POLICY = {
  mode: {
    description:
      "What is done with a decision. CLOSEFDS_MODE and the preload's own mode come first. Default: enforce.",
    enum: MODES,
  },
  compat: {
    description: "Whether the compat table's allowances for known packages hold. Default: true.",
    type: 'boolean',
  },
  unverified: {
    description:
      'What becomes of a known package in a version newer than the compat table has seen. Default: warn (passes and is reported).',
    enum: EFFECTS,
  },
  aliases: {
    description:
      'Folder name below node_modules -> the package it really is, where you vouch for an npm alias: the compat table then applies to it.',
    type: 'object',
    propertyNames: { $ref: '#/$defs/packageName' },
    additionalProperties: { $ref: '#/$defs/packageName' },
  },
  rules: {
    description:
      'In order; the first that matches decides. They come before the compat table and the defaults.',
    type: 'array',
    items: { $ref: '#/$defs/rule' },
  },
};

const CANDIDATE = {
  description:
    'A whole policy that is judged beside the one in force and reported, and decides nothing. Its mode is enforce unless it says otherwise.',
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(Object.keys(POLICY).map(key => [key, { $ref: `#/properties/${key}` }])),
};

export function configSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'closefds config',
    description: 'closefds.json, or the "closefds" key of package.json. See docs/policy.md.',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      ...POLICY,
      candidate: CANDIDATE,
      redact: {
        description:
          'Globs of texts that no report may hold, since paths can be secret: targets, commands, announcements, the paths of call sites.',
        type: 'array',
        items: { $ref: '#/$defs/text' },
        minItems: 1,
        uniqueItems: true,
      },
      announce: {
        description:
          'Whether each process prints a line to stderr at start, with the mode, the config and the report. CLOSEFDS_ANNOUNCE comes first. Default: false.',
        type: 'boolean',
      },
      report: {
        description:
          "The report file, relative to the app's root; %p stands for the pid. CLOSEFDS_REPORT comes first.",
        $ref: '#/$defs/text',
      },
      deep: {
        description:
          'Whether processes that native code makes are guarded, too: addons that call system(), popen(), posix_spawn(), vfork() and the like. CLOSEFDS_DEEP=1 and CLOSEFDS_DEEP=0 come first. Default: false.',
        type: 'boolean',
      },
    },
    $defs: {
      packageName: { type: 'string', pattern: PACKAGE_NAME.source.replaceAll('\\/', '/') },
      text: { type: 'string', pattern: '\\S' },
      rule: ruleSchema(),
    },
  };
}

function ruleSchema(): object {
  const needCaller = CONFIG_CONDITIONS.filter(
    key => CONDITIONS[key].needsPackage || CONDITIONS[key].needsCaller,
  );
  return {
    description: 'Every condition that is there must hold.',
    type: 'object',
    additionalProperties: false,
    required: ['effect'],
    properties: {
      ...Object.fromEntries(
        CONFIG_CONDITIONS.map(key => [
          key,
          { description: CONDITION_TEXTS[key].description, ...VALUE_SCHEMAS[CONDITIONS[key].value] },
        ]),
      ),
      effect: {
        description:
          'allow: passes. warn: passes and is reported. deny: closed and reported, even in mode warn.',
        enum: EFFECTS,
      },
      reason: { description: 'Why. Required for allow.', $ref: '#/$defs/text' },
      expires: {
        description: 'The last day (UTC) on which the rule matches.',
        type: 'string',
        format: 'date',
      },
    },
    allOf: [
      ifThen({ properties: { effect: { const: 'allow' } } }, { required: ['reason'] }),
      // stdin, stdout and stderr always pass: only a message channel is judged there.
      ifThen(
        {
          required: ['fds'],
          properties: { fds: { type: 'array', contains: { type: 'integer', maximum: 2 } } },
        },
        { required: ['kinds'], properties: { kinds: { const: ['ipc'] } } },
      ),
    ],
    dependentRequired: Object.fromEntries(needCaller.map(key => [key, ['caller']])),
  };
}

function ifThen(condition: object, consequence: object): object {
  // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
  return { if: condition, then: consequence };
}
