/** What a schema says, in the words of those who write programs. */
import type { Schema } from "#lib/api/description.ts";

export type Schemas = Record<string, Schema>;

export function resolved(schema: Schema, schemas: Schemas): Schema {
  const name = schema.$ref?.split("/").at(-1);
  if (name !== undefined) {
    const { description } = schema;
    return { title: name, ...schemas[name], ...(description !== undefined && { description }) };
  }
  const [only, ...others] = schema.allOf ?? [];
  if (only && others.length === 0) return { ...resolved(only, schemas), ...schema };
  return schema;
}

/** "array of Post", "string (uuid) or null". */
export function typeOf(given: Schema, schemas: Schemas): string {
  const schema = resolved(given, schemas);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    return [...new Set(choices.map((choice) => typeOf(choice, schemas)))].join(" or ");
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") {
    return `array of ${schema.items ? typeOf(schema.items, schemas) : "anything"}`;
  }
  if (schema.type === "object" || schema.properties) {
    const { additionalProperties: others } = schema;
    if (!schema.properties && typeof others === "object") {
      return `map of ${typeOf(others, schemas)}`;
    }
    return schema.properties && schema.title ? schema.title : "object";
  }
  if (schema.type === undefined) return "anything";
  return schema.format ? `${schema.type} (${schema.format})` : schema.type;
}

/** The fields within: of the object itself, of those in an array, or of the choice that has some. */
export function fieldsOf(given: Schema, schemas: Schemas): Schema | undefined {
  const schema = resolved(given, schemas);
  if (schema.properties) return schema;
  const within = [
    ...(schema.items ? [schema.items] : []),
    ...(typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : []),
    ...(schema.anyOf ?? schema.oneOf ?? []),
  ];
  for (const each of within) {
    const found = fieldsOf(each, schemas);
    if (found) return found;
  }
  return undefined;
}

/** The values of which it is one; none: it is free. */
export function valuesOf(given: Schema, schemas: Schemas): string[] {
  const schema = resolved(given, schemas);
  if (schema.enum) return schema.enum.map(String);
  const within = [...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? [])];
  return within.flatMap((each) => valuesOf(each, schemas));
}

/** What else is asked of it: "1 to 200 characters". */
export function limitsOf(given: Schema, schemas: Schemas): string[] {
  const schema = resolved(given, schemas);
  const own = [
    between(schema.minLength, schema.maxLength, "characters"),
    between(schema.minItems, schema.maxItems, "items"),
    between(schema.minimum, schema.maximum, ""),
    schema.pattern && `matches ${schema.pattern}`,
    schema.default !== undefined &&
      schema.default !== null &&
      `default ${JSON.stringify(schema.default)}`,
  ].filter((text) => typeof text === "string");
  return [...own, ...(schema.anyOf ?? []).flatMap((each) => limitsOf(each, schemas))];
}

function between(least: number | undefined, most: number | undefined, what: string) {
  const range =
    least !== undefined && most !== undefined
      ? `${String(least)} to ${String(most)}`
      : least !== undefined
        ? `at least ${String(least)}`
        : most !== undefined
          ? `at most ${String(most)}`
          : undefined;
  return range === undefined ? undefined : `${range} ${what}`.trim();
}

/** What an example of it is, if the description has one. */
export function exampleOf(
  content: { schema?: Schema; example?: unknown },
  schemas: Schemas,
): unknown {
  if (content.example !== undefined) return content.example;
  return content.schema && resolved(content.schema, schemas).examples?.[0];
}
