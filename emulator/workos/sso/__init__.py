"""Single sign-on: WorkOS between the application and the identity provider."""
