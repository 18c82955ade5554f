"""Signed webhooks, sent until they are answered 2xx."""
