/** One person: why they may enter, and what an administrator does about it. */
import { api, present, type Schemas } from "./client.ts";
import type { Role } from "./me.ts";

export type PersonDetail = Schemas["PersonDetail"];
export type Explanation = Schemas["Explanation"];
export type Reason = Schemas["Reason"];
export type Refusal = Schemas["Refusal"];
export type PastAccess = Schemas["PastAccess"];
export type History = Schemas["History"];
export type HistoryEntry = Schemas["HistoryEntry"];
export type HistoryChange = Schemas["HistoryChange"];
export type Cause = Schemas["Cause"];
export type Session = Schemas["Session"];
export type Grant = Schemas["Grant"];
export type GrantCreate = Schemas["GrantCreate"];

const of = (id: string) => ({ path: { user_id: id } });

export async function readPerson(id: string): Promise<PersonDetail> {
  return present(await api.GET("/people/{user_id}", { params: of(id) }));
}

export async function readHistory(id: string, cursor: string): Promise<History> {
  const query = { history_cursor: cursor };
  const params = { ...of(id), query };
  return present(await api.GET("/directory/people/{user_id}/access", { params })).history;
}

export async function readPastAccess(id: string, asOf: string): Promise<PastAccess> {
  const params = { ...of(id), query: { as_of: asOf } };
  return present(await api.GET("/people/{user_id}/access", { params }));
}

export async function listSessionsOf(id: string): Promise<Session[]> {
  return present(await api.GET("/people/{user_id}/sessions", { params: of(id) })).items;
}

export async function endSessionOf(id: string, session: string): Promise<void> {
  await api.DELETE("/people/{user_id}/sessions/{session_id}", {
    params: { path: { user_id: id, session_id: session } },
  });
}

export async function block(id: string, reason: string): Promise<void> {
  await api.POST("/people/{user_id}/block", { params: of(id), body: { reason } });
}

export async function unblock(id: string): Promise<void> {
  await api.POST("/people/{user_id}/unblock", { params: of(id) });
}

export async function signOutEverywhere(id: string, tokens: boolean): Promise<void> {
  await api.POST("/people/{user_id}/sign-out", { params: of(id), body: { tokens } });
}

export async function grantRole(id: string, body: GrantCreate): Promise<void> {
  await api.POST("/people/{user_id}/grants", { params: of(id), body });
}

export async function takeRole(id: string, role: Role): Promise<void> {
  await api.DELETE("/people/{user_id}/grants/{role}", {
    params: { path: { user_id: id, role } },
  });
}

export async function handOver(id: string, to: string): Promise<void> {
  await api.POST("/people/{user_id}/hand-over", { params: of(id), body: { to } });
}
