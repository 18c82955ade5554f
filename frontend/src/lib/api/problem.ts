/** The one error that a call of the API raises. */

import { isServersLanguage } from "#lib/language.ts";
import { m } from "#lib/words/messages.js";
import type { ServerCode } from "./refusals.ts";

/** The server's codes, and two for answers that are none of its. */
export type ProblemCode = ServerCode | "unreachable" | "unexpected_answer";

export interface FieldError {
  field: string;
  message: string;
}

interface ProblemParts {
  status: number;
  code: ProblemCode;
  title: string;
  detail: string;
  fields?: FieldError[];
  current?: unknown;
}

export class ApiProblem extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly detail: string;
  readonly fields: FieldError[];
  /** With `stale_version`: what is there now. */
  readonly current: unknown;

  constructor({ status, code, title, detail, fields = [], current }: ProblemParts) {
    super(detail);
    this.name = "ApiProblem";
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.fields = fields;
    this.current = current;
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  /** The same request may well succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** What is on the screen no longer matches what the server has. */
  get outdated(): boolean {
    return this.status === 403 || this.status === 404 || this.status === 409;
  }

  messageFor(field: string): string | undefined {
    const message = this.fields.find((error) => error.field === field)?.message;
    return message === undefined || isServersLanguage() ? message : m.field_refused();
  }
}

export function unreachable(): ApiProblem {
  return new ApiProblem({
    status: 0,
    code: "unreachable",
    title: m.problem_unreachable(),
    detail: m.problem_unreachable_detail(),
  });
}

/** Reads a problem+json body; anything else (a proxy's page, say) is told by its status alone. */
export async function problemFrom(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => undefined);
  const parts = isRecord(body) ? body : {};
  const code = text(parts["code"]) ?? "unexpected_answer";
  const fields = Array.isArray(parts["errors"]) ? parts["errors"].filter(isFieldError) : [];
  const detail =
    text(parts["detail"]) ?? m.problem_unexplained({ status: String(response.status) });
  // Whoever is not signed in is sent to where it is plain. For all others the words come late.
  const refusals =
    response.status === 401 ? undefined : await import("./refusals.ts").catch(() => undefined);
  const words = refusals?.refusalWords(code, {
    detail,
    fields: fields.map(({ field }) => field).join(", "),
    seconds: Number(response.headers.get("retry-after") ?? 1),
  });
  return new ApiProblem({
    status: response.status,
    // As with every answer, what the server's description promises is taken for granted.
    code: code as ProblemCode,
    title: words?.title ?? text(parts["title"]) ?? m.problem_unexpected(),
    detail: words?.detail ?? detail,
    fields,
    current: parts["current"],
  });
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isFieldError(value: unknown): value is FieldError {
  return (
    isRecord(value) && typeof value["field"] === "string" && typeof value["message"] === "string"
  );
}
