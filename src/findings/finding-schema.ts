// The JSON schema of a record; `npm run build:schemas` writes it to finding.schema.json.

import { DEFINITIONS, FIELDS, REQUIRED, type RecordField } from './fields';

export function findingSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'closefds finding',
    description:
      'One line of a report file (NDJSON), and one message of the diagnostics channel closefds:finding. See docs/findings.md. What is not known is left out.',
    type: 'object',
    additionalProperties: false,
    required: REQUIRED,
    properties: mapValues(FIELDS, schemaOf),
    $defs: mapValues(DEFINITIONS, shape => shape().schema),
  };
}

function schemaOf({ description, shape }: RecordField): object {
  return { ...(description !== undefined && { description }), ...shape().schema };
}

function mapValues<T>(values: Readonly<Record<string, T>>, map: (value: T) => object): object {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
