/** The description's operations in reading order. */
import type {
  Answer,
  Content,
  DescribedOperation,
  Description,
  Parameter,
} from "#lib/api/description.ts";

export interface Operation {
  /** Also where a link leads. */
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  body: { type: string; content: Content; required: boolean } | undefined;
  answers: { status: string; answer: Answer }[];
  /** The names of the schemes of which one is enough; none: it is open to all. */
  security: string[];
  /** Somebody else calls it, or a browser goes there: it cannot be tried from a page. */
  called: "by us" | "by browsers" | "by others";
}

export interface Chapter {
  id: string;
  name: string;
  description: string;
  operations: Operation[];
}

/** A chapter for each tag that has an operation. What others call has its own, the last. */
export function chaptersOf(description: Description, webhooksName: string): Chapter[] {
  const webhooks = new Set(
    Object.values(description.webhooks ?? {}).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    ),
  );
  const all = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ method, path, described })),
  );
  const isWebhook = ({ described }: (typeof all)[number]) => webhooks.has(described.operationId);
  const read = (from: typeof all) =>
    from.map((each) => operationFrom(each.method, each.path, each.described, isWebhook(each)));
  const tagged = (description.tags ?? []).map((tag) => ({
    id: `tag/${tag.name}`,
    name: tag.name.charAt(0).toUpperCase() + tag.name.slice(1),
    description: tag.description ?? "",
    operations: read(
      all.filter((each) => each.described.tags?.[0] === tag.name && !isWebhook(each)),
    ),
  }));
  const ofOthers: Chapter = {
    id: "webhooks",
    name: webhooksName,
    description: "",
    operations: read(all.filter(isWebhook)),
  };
  return [...tagged, ofOthers].filter(({ operations }) => operations.length > 0);
}

function operationFrom(
  method: string,
  path: string,
  described: DescribedOperation,
  isWebhook: boolean,
): Operation {
  const [body] = Object.entries(described.requestBody?.content ?? {});
  const statuses = Object.keys(described.responses);
  return {
    id: described.operationId,
    method: method.toUpperCase(),
    path,
    summary: described.summary ?? described.operationId,
    description: described.description ?? "",
    parameters: described.parameters ?? [],
    body: body && {
      type: body[0],
      content: body[1],
      required: described.requestBody?.required ?? false,
    },
    answers: Object.entries(described.responses)
      .map(([status, answer]) => ({ status, answer }))
      .sort((a, b) => Number(a.status) - Number(b.status)),
    security: (described.security ?? []).flatMap((scheme) => Object.keys(scheme)),
    called: isWebhook ? "by others" : statuses.includes("302") ? "by browsers" : "by us",
  };
}

/** Those in which each word occurs somewhere. */
export function matching(chapters: Chapter[], q: string): Chapter[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return chapters;
  return chapters
    .map((chapter) => ({
      ...chapter,
      operations: chapter.operations.filter((operation) => {
        const { id, method, path, summary, description } = operation;
        const text = [chapter.name, id, method, path, summary, description].join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter(({ operations }) => operations.length > 0);
}

/** The path with what was entered in it, and the query of what is not empty. */
export function addressFor(operation: Operation, values: Record<string, string>): string {
  const query = new URLSearchParams();
  let path = operation.path;
  for (const { name, in: place } of operation.parameters) {
    const value = values[name]?.trim() ?? "";
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query" && value !== "") query.set(name, value);
  }
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}
