/** Which groups give which roles, and what a change would do to people. */
import { api, present, type Schemas } from "./client.ts";
import { firstOf } from "./pages.ts";

export type Roles = Schemas["Roles"];
export type RoleEntry = Schemas["RoleEntry"];
export type RoleGrant = Schemas["RoleGrant"];
export type MappedGroup = Schemas["MappedGroup"];
export type MappingChange = Schemas["MappingChange"];
export type Preview = Schemas["Preview"];
export type RoleChange = Schemas["RoleChange"];

export async function readRoles(): Promise<Roles> {
  return present(await api.GET("/roles"));
}

export async function findGroups(q: string, limit: number): Promise<MappedGroup[]> {
  return firstOf(limit, async (cursor, limit) => {
    const query = { limit, cursor, ...(q !== "" && { q }) };
    return present(await api.GET("/roles/groups", { params: { query } }));
  });
}

export async function previewMapping(
  groupId: string,
  roles: MappingChange["roles"],
): Promise<Preview> {
  return present(await api.POST("/roles/preview", { body: { group_id: groupId, roles } }));
}

export async function changeMapping(groupId: string, body: MappingChange): Promise<MappedGroup> {
  const params = { path: { group_id: groupId } };
  return present(await api.PUT("/roles/mappings/{group_id}", { params, body }));
}
