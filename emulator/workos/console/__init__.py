"""The pages of the WorkOS half: deliveries, faults, settings, and the Admin Portal's stand-in."""
