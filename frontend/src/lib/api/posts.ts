/** The notebook. */
import { api, present, type Schemas } from "./client.ts";
import type { ApiProblem } from "./problem.ts";

export type Post = Schemas["Post"];
export type PostSummary = Schemas["PostSummary"];
export type PostPerson = Schemas["PostPerson"];
export type PostCreate = Schemas["PostCreate"];
export type PostUpdate = Schemas["PostUpdate"];
export type PostSummaryPage = Schemas["PostSummaryPage"];

export interface PostsQuery {
  q: string | null;
  author: string | null;
  cursor: string | null;
  limit?: number;
}

export async function listPosts(query: PostsQuery): Promise<PostSummaryPage> {
  // Which of the two pages is answered goes by the view, which the description cannot say.
  return present(
    await api.GET("/posts", { params: { query: { ...query, view: "summary" } } }),
  ) as PostSummaryPage;
}

export async function readPost(id: string): Promise<Post> {
  return present(await api.GET("/posts/{post_id}", { params: { path: { post_id: id } } }));
}

export async function createPost(body: PostCreate): Promise<Post> {
  return present(await api.POST("/posts", { body }));
}

export async function updatePost(id: string, body: PostUpdate): Promise<Post> {
  return present(await api.PATCH("/posts/{post_id}", { params: { path: { post_id: id } }, body }));
}

/** As it was read: one that was changed meanwhile is not deleted. */
export async function deletePost(id: string, version: number): Promise<void> {
  await api.DELETE("/posts/{post_id}", {
    params: { path: { post_id: id }, query: { version } },
  });
}

export async function restorePost(id: string): Promise<Post> {
  return present(await api.POST("/posts/{post_id}/restore", { params: { path: { post_id: id } } }));
}

/** What is there now, when an edit met one that was made meanwhile. */
export function newerThanMine(problem: ApiProblem | undefined): Post | undefined {
  return problem?.code === "stale_version" ? (problem.current as Post) : undefined;
}
