/** The notebook. */
import { api, present, type Schemas } from "./client.ts";

export type Post = Schemas["Post"];
export type PostCreate = Schemas["PostCreate"];
export type PostUpdate = Schemas["PostUpdate"];
export type PostPage = Schemas["PostPage"];

export async function listPosts(cursor: string | null, limit?: number): Promise<PostPage> {
  const query = { cursor, ...(limit && { limit }) };
  // Which of the two pages is answered goes by the view, which the description cannot say.
  return present(await api.GET("/posts", { params: { query } })) as PostPage;
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

export async function deletePost(id: string): Promise<void> {
  await api.DELETE("/posts/{post_id}", { params: { path: { post_id: id } } });
}
