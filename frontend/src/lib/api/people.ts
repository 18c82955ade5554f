/** The people of the organization, and their invitations. */
import { api, present, type Schemas } from "./client.ts";
import { firstOf } from "./pages.ts";

export type TeamMember = Schemas["TeamMember"];
export type TeamPage = Schemas["TeamPage"];
export type TeamStatus = Schemas["TeamStatus"];
export type Invitation = Schemas["InvitationLink"];

export type FilterNames = Schemas["FilterNames"];
export type PersonStatus = Schemas["PersonStatus"];
export type Sort = Schemas["Sort"];

export interface TeamQuery {
  status: TeamStatus | null;
  group?: string | null;
  department?: string | null;
  q: string | null;
  cursor: string | null;
  limit?: number;
}

export async function listTeam(query: TeamQuery): Promise<TeamPage> {
  return present(await api.GET("/team", { params: { query } }));
}

/** The first by name: of everybody without `q`. */
export async function findTeam(
  { q, status = null }: Partial<Pick<TeamQuery, "q" | "status">>,
  limit: number,
): Promise<TeamMember[]> {
  return firstOf(limit, (cursor, limit) => listTeam({ q: q ?? null, status, cursor, limit }));
}

/** Names of groups or departments to filter by, with this in them. */
export async function listFilterNames(
  of: "groups" | "departments",
  q: string,
): Promise<FilterNames> {
  return present(await api.GET(`/team/${of}`, { params: { query: q === "" ? {} : { q } } }));
}

export async function invite(id: string): Promise<Invitation> {
  return present(
    await api.POST("/team/{user_id}/invitation", { params: { path: { user_id: id } } }),
  );
}

export async function withdrawInvitation(id: string): Promise<void> {
  await api.DELETE("/team/{user_id}/invitation", { params: { path: { user_id: id } } });
}

export async function restoreInvitation(id: string): Promise<void> {
  await api.POST("/team/{user_id}/invitation/restore", { params: { path: { user_id: id } } });
}

export type PersonSummary = Schemas["PersonSummary"];
export type PeoplePage = Schemas["PeoplePage"];
export type PeopleCounts = Schemas["PeopleCounts"];
export type InvitationResult = Schemas["InvitationResult"];

/** What is shown of somebody in a list, whoever looks. */
export type ListedPerson = Pick<
  PersonSummary,
  "id" | "name" | "email" | "job_title" | "department" | "groups" | "roles" | "status"
> &
  Partial<Pick<TeamMember, "guest_until"> & Pick<PersonSummary, "admission" | "last_seen_at">>;

export interface PeopleQuery {
  status: PersonStatus | null;
  kind: "guest" | null;
  group: string | null;
  department: string | null;
  q: string | null;
  sort: Sort;
  cursor: string | null;
  limit?: number;
}

/** For administrators: all that is known of each. */
export async function listPeople(query: PeopleQuery): Promise<PeoplePage> {
  return present(await api.GET("/people", { params: { query } }));
}

export async function countPeople(): Promise<PeopleCounts> {
  return present(await api.GET("/people/counts"));
}

export async function inviteAll(ids: string[]): Promise<InvitationResult[]> {
  return present(await api.POST("/team/invitations", { body: { user_ids: ids } })).items;
}
