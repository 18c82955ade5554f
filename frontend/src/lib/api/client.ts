/** The only module that fetches. A call gives its data or raises an ApiProblem. */
import createClient from "openapi-fetch";
import { ApiProblem, problemFrom, unreachable } from "./problem.ts";
import type { components, paths } from "./schema.d.ts";

type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Permission = Schemas["Permission"];
export type Role = Schemas["Role"];
export type Post = Schemas["Post"];
export type PostCreate = Schemas["PostCreate"];
export type PostUpdate = Schemas["PostUpdate"];
export type PostPage = Schemas["PostPage"];
export type TeamMember = Schemas["TeamMember"];
export type TeamPage = Schemas["TeamPage"];
export type TeamStatus = Schemas["TeamStatus"];
export type Invitation = Schemas["InvitationLink"];
export type SignInRefusal = Schemas["SignInRefusal"];

export interface TeamQuery {
  status: TeamStatus | null;
  q: string | null;
  cursor: string | null;
}

// Access can change between two requests, so no answer may come from a cache.
const client = createClient<paths>({ cache: "no-store" });

client.use({
  onResponse: async ({ response }) => {
    if (!response.ok) throw await problemFrom(response);
  },
  onError: unreachable,
});

function present<T>(answer: { data?: T }): T {
  if (answer.data === undefined) {
    throw new ApiProblem({
      status: 502,
      code: "unexpected_answer",
      title: "That did not work",
      detail: "The server's answer was empty. Try again in a moment.",
    });
  }
  return answer.data;
}

export async function readMe(): Promise<Me> {
  return present(await client.GET("/me"));
}

export async function signOut(): Promise<void> {
  await client.POST("/auth/logout");
}

export async function listPosts(cursor: string | null): Promise<PostPage> {
  return present(await client.GET("/posts", { params: { query: { cursor } } }));
}

export async function createPost(body: PostCreate): Promise<Post> {
  return present(await client.POST("/posts", { body }));
}

export async function updatePost(id: string, body: PostUpdate): Promise<Post> {
  return present(
    await client.PATCH("/posts/{post_id}", { params: { path: { post_id: id } }, body }),
  );
}

export async function deletePost(id: string): Promise<void> {
  await client.DELETE("/posts/{post_id}", { params: { path: { post_id: id } } });
}

export async function listTeam(query: TeamQuery): Promise<TeamPage> {
  return present(await client.GET("/team", { params: { query } }));
}

export async function invite(id: string): Promise<Invitation> {
  return present(
    await client.POST("/team/{user_id}/invitation", { params: { path: { user_id: id } } }),
  );
}

export async function withdrawInvitation(id: string): Promise<void> {
  await client.DELETE("/team/{user_id}/invitation", { params: { path: { user_id: id } } });
}
