"""The pages of the WorkOS half: dashboard, Admin Portal, deliveries, faults, settings."""
