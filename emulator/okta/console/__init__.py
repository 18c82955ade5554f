"""The pages on which a person plays the Okta administrator."""
