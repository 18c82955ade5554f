"""A local WorkOS with an Okta in front of it, for development and tests; no security product."""
