/** The audit log. */
import { api, present, type Schemas } from "./client.ts";

export type AuditEntry = Schemas["AuditEntry"];
export type AuditPage = Schemas["AuditPage"];
export type RoleHolder = Schemas["RoleHolder"];
export type RoleHolders = Schemas["RoleHolders"];
export type Role = Schemas["Role"];

export interface AuditFilters {
  actor?: string;
  action?: string;
  subject?: string;
  since?: string;
  until?: string;
}

export async function listEntries(
  query: AuditFilters & { cursor: string | null; limit?: number },
): Promise<AuditPage> {
  return present(await api.GET("/audit", { params: { query } }));
}

export async function readEntry(id: string): Promise<AuditEntry> {
  return present(await api.GET("/audit/{entry_id}", { params: { path: { entry_id: id } } }));
}

export async function listRoleHolders(
  role: Role,
  on: string,
  cursor: string | null,
): Promise<RoleHolders> {
  return present(await api.GET("/audit/roles", { params: { query: { role, on, cursor } } }));
}

/** The address of a file with everything that the filters let through. */
export function exportAddress(filters: AuditFilters, format: "csv" | "jsonl"): string {
  return `/audit/export?${new URLSearchParams({ format, ...filters }).toString()}`;
}
