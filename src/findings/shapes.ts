// The shapes of values in records: what finding.schema.json says of one, and the check of one that is read.
//
// A reader is more lenient than the schema: it accepts keys of later versions, and 0 where numbers begin at 1.

export interface Shape {
  /** As JSON Schema. */
  readonly schema: object;
  readonly accepts: (value: unknown) => boolean;
}

export const text: Shape = { schema: { type: 'string' }, accepts: value => typeof value === 'string' };
export const flag: Shape = { schema: { type: 'boolean' }, accepts: value => typeof value === 'boolean' };

export const duration: Shape = {
  schema: { type: 'number', minimum: 0 },
  accepts: value => typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY,
};

export function constant(only: unknown): Shape {
  return { schema: { const: only }, accepts: value => value === only };
}

export function literalOf(values: readonly unknown[]): Shape {
  return { schema: { enum: values }, accepts: value => values.includes(value) };
}

export function wholeNumber(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Shape {
  const limits = { minimum, ...(maximum < Number.MAX_SAFE_INTEGER && { maximum }) };
  return {
    schema: { type: 'integer', ...limits },
    accepts: value => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= maximum,
  };
}

export function listOf(item: Shape, minItems = 0): Shape {
  return {
    schema: { type: 'array', items: item.schema, ...(minItems > 0 && { minItems }) },
    accepts: value => Array.isArray(value) && value.every(item.accepts),
  };
}

/** The keys of `required` must be there; those of `optional` may be missing. */
export function objectOf(
  required: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>> = {},
): Shape {
  const properties = { ...required, ...optional };
  const needed = Object.entries(required);
  const others = Object.entries(optional);
  return {
    schema: {
      type: 'object',
      additionalProperties: false,
      required: Object.keys(required),
      properties: Object.fromEntries(Object.entries(properties).map(([key, { schema }]) => [key, schema])),
    },
    accepts: value =>
      isObject(value) &&
      needed.every(([key, { accepts }]) => accepts(value[key])) &&
      others.every(([key, { accepts }]) => value[key] === undefined || accepts(value[key])),
  };
}

/** A shape that has a name in the schema's `$defs`. */
export function reference(name: string, shape: Shape): Shape {
  return { schema: { $ref: `#/$defs/${name}` }, accepts: shape.accepts };
}

export function described(description: string, shape: Shape): Shape {
  return { schema: { description, ...shape.schema }, accepts: shape.accepts };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
