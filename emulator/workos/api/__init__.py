"""The WorkOS API as its SDK calls it."""
