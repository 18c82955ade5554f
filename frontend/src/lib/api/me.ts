/** Who is signed in. */
import { api, present, type Schemas } from "./client.ts";
import { ApiProblem } from "./problem.ts";

export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];
export type Role = Schemas["Role"];
export type SignInRefusal = Schemas["SignInRefusal"];

export async function readMe(): Promise<Me> {
  return present(await api.GET("/me"));
}

export type AcceptedInvitation = Schemas["AcceptedInvitation"];

/** By which one has joined; undefined where it is none of one's own. */
export async function readAcceptedInvitation(id: string): Promise<AcceptedInvitation | undefined> {
  try {
    return present(
      await api.GET("/me/invitations/{invitation_id}", {
        params: { path: { invitation_id: id } },
      }),
    );
  } catch (error) {
    if (error instanceof ApiProblem && error.outdated) return undefined;
    throw error;
  }
}

export async function signOut(): Promise<void> {
  await api.POST("/auth/logout");
}
