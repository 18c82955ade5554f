/** API tokens: one's own, everybody's, and those of service accounts. */
import { api, present, type Schemas } from "./client.ts";

export type Token = Schemas["Token"];
export type NewToken = Schemas["NewToken"];
export type TokenCreate = Schemas["TokenCreate"];
export type TokenScope = Schemas["TokenScope"];
export type OrganizationToken = Schemas["OrganizationToken"];
export type OrganizationTokenPage = Schemas["OrganizationTokenPage"];
export type ServiceAccount = Schemas["ServiceAccount"];
export type ServiceAccountCreate = Schemas["ServiceAccountCreate"];
export type ServiceAccountPage = Schemas["ServiceAccountPage"];

export interface PageQuery {
  cursor: string | null;
  limit?: number;
}

export async function listTokens(): Promise<Token[]> {
  return present(await api.GET("/tokens")).items;
}

export async function createToken(body: TokenCreate): Promise<NewToken> {
  return present(await api.POST("/tokens", { body }));
}

export async function endToken(id: string): Promise<void> {
  await api.DELETE("/tokens/{token_id}", { params: { path: { token_id: id } } });
}

export async function listOrganizationTokens(query: PageQuery): Promise<OrganizationTokenPage> {
  return present(await api.GET("/organization/tokens", { params: { query } }));
}

export async function endOrganizationToken(id: string): Promise<void> {
  await api.DELETE("/organization/tokens/{token_id}", { params: { path: { token_id: id } } });
}

export async function listServiceAccounts(query: PageQuery): Promise<ServiceAccountPage> {
  return present(await api.GET("/service-accounts", { params: { query } }));
}

export async function createServiceAccount(body: ServiceAccountCreate): Promise<ServiceAccount> {
  return present(await api.POST("/service-accounts", { body }));
}

export async function createServiceAccountToken(id: string, body: TokenCreate): Promise<NewToken> {
  const path = { service_account_id: id };
  return present(
    await api.POST("/service-accounts/{service_account_id}/tokens", { params: { path }, body }),
  );
}

export async function endServiceAccount(id: string): Promise<void> {
  await api.DELETE("/service-accounts/{service_account_id}", {
    params: { path: { service_account_id: id } },
  });
}
