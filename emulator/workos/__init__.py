"""The WorkOS half: what SCIM tells it becomes directory objects, events and webhooks."""
