"""The page at `/docs`, from our own files."""

from base64 import b64encode
from hashlib import sha256

PATH = "/docs"
ASSETS = "/swagger-ui/"

# Swagger UI has a dark scheme, but does not choose it by itself.
_SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });
"""
SCRIPT_SOURCE = f"'sha256-{b64encode(sha256(_SCRIPT.encode()).digest()).decode()}'"

PAGE = f"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>%s: the API</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="{ASSETS}swagger-ui.css" />
  </head>
  <body>
    <main id="swagger-ui"></main>
    <script src="{ASSETS}swagger-ui-bundle.js"></script>
    <script>{_SCRIPT}</script>
  </body>
</html>
"""
