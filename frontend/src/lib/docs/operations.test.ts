import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { Description } from "#lib/api/description.ts";
import { addressFor, chaptersOf, matching } from "./operations.ts";
import { exampleOf, fieldsOf, limitsOf, typeOf, valuesOf } from "./schemas.ts";

const description = JSON.parse(await readFile("openapi.json", "utf8")) as Description;
const { schemas } = description.components;
const chapters = chaptersOf(description, "Webhooks");
const operations = chapters.flatMap((chapter) => chapter.operations);

function operation(id: string) {
  const found = operations.find((each) => each.id === id);
  if (!found) throw new Error(`There is no operation ${id}`);
  return found;
}

describe("the chapters", () => {
  it("have each operation once, in the order of the tags, the webhook last", () => {
    const all = Object.values(description.paths).flatMap((methods) => Object.values(methods));
    expect(operations.map(({ id }) => id).sort()).toEqual(
      all.map(({ operationId }) => operationId).sort(),
    );
    expect(chapters.map(({ id }) => id)).toEqual([
      ...(description.tags ?? []).map(({ name }) => `tag/${name}`),
      "webhooks",
    ]);
    expect(chapters.at(-1)?.operations.map(({ path }) => path)).toEqual(["/api/directory-sync"]);
  });

  it("know what cannot be tried from a page", () => {
    expect(operation("receive_event").called).toBe("by others");
    expect(operation("begin").called).toBe("by browsers");
    expect(operation("list_posts").called).toBe("by us");
  });

  it("are found by all words, wherever they stand", () => {
    const found = matching(chapters, "POST posts").flatMap((chapter) => chapter.operations);
    expect(found.map(({ id }) => id)).toContain("create_post");
    expect(found.map(({ id }) => id)).not.toContain("end_session");
    expect(matching(chapters, "no such words")).toEqual([]);
    expect(matching(chapters, " ")).toBe(chapters);
  });
});

it("an address has what was entered, and nothing else", () => {
  expect(addressFor(operation("get_post"), { post_id: "a/b" })).toBe("/posts/a%2Fb");
  expect(addressFor(operation("list_posts"), { limit: "5", cursor: "" })).toBe("/posts?limit=5");
});

describe("a schema", () => {
  it("is told by its type", () => {
    expect(typeOf({ $ref: "#/components/schemas/Post" }, schemas)).toBe("Post");
    expect(typeOf({ anyOf: [{ type: "string", format: "uuid" }, { type: "null" }] }, {})).toBe(
      "string (uuid) or null",
    );
    expect(typeOf({ type: "array", items: { $ref: "#/components/schemas/Role" } }, schemas)).toBe(
      "array of string",
    );
  });

  it("has its fields, values and limits", () => {
    const page = schemas["PostPage"] ?? {};
    expect(Object.keys(fieldsOf(page, schemas)?.properties ?? {})).toContain("items");
    const items = page.properties?.["items"] ?? {};
    expect(Object.keys(fieldsOf(items, schemas)?.properties ?? {})).toContain("author");
    expect(valuesOf({ $ref: "#/components/schemas/Role" }, schemas)).toContain("admin");
    expect(limitsOf({ type: "string", minLength: 1, maxLength: 200 }, {})).toEqual([
      "1 to 200 characters",
    ]);
  });
});

it("whatever is sent has an example to begin with", () => {
  for (const { id, body } of operations) {
    if (body) expect(exampleOf(body.content, schemas), id).toBeDefined();
  }
});
