/** The organization's settings, and what is set up of it. */
import { api, present, type Schemas } from "./client.ts";
import { firstOf } from "./pages.ts";

export type OrganizationDetails = Schemas["OrganizationDetails"];
export type OrganizationUpdate = Schemas["OrganizationUpdate"];
export type PortalIntent = Schemas["PortalIntent"];
export type Seats = Schemas["Seats"];
export type DirectoryStatus = Schemas["DirectoryStatus"];

export async function readOrganization(): Promise<OrganizationDetails> {
  return present(await api.GET("/organization"));
}

export async function updateOrganization(body: OrganizationUpdate): Promise<OrganizationDetails> {
  return present(await api.PATCH("/organization", { body }));
}

/** Whoever has the address needs no sign-in, so it is asked for when it is used. */
export async function portalAddress(intent: PortalIntent): Promise<string> {
  return present(await api.POST("/organization/portal-link", { body: { intent } })).url;
}

export async function readSeats(): Promise<Seats> {
  return present(await api.GET("/team/seats"));
}

export async function readStatus(): Promise<DirectoryStatus> {
  return present(await api.GET("/directory", { params: { query: { counts: false } } }));
}

export async function readBreakGlassOwner(): Promise<string | null> {
  return present(await api.GET("/organization/break-glass")).user_id;
}

export async function setBreakGlassOwner(id: string | null): Promise<void> {
  await api.PUT("/organization/break-glass", { body: { user_id: id } });
}

export async function countAdmins(): Promise<number> {
  const admins = await firstOf(2, async (cursor, limit) => {
    const query = { role: "admin" as const, cursor, limit };
    return present(await api.GET("/people", { params: { query } }));
  });
  return admins.length;
}
