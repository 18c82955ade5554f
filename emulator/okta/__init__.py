"""The Okta half: people and groups of companies, pushed by SCIM over HTTP and signed in by SSO."""
