"""Run as a script by test_access, on the `backend` that it finds: tells what an Editor may do."""

import asyncio
import json
import sys

from sqlalchemy import text

from backend.database import Database
from tests.stack import Stack, running_stack

# As the version with the role does where it sees the group.
MAP_EDITORS = """
    INSERT INTO role_mappings (organization_id, group_id, role, source)
    SELECT organization_id, id, 'editor', 'default' FROM directory_groups WHERE name = 'Editors'
    ON CONFLICT DO NOTHING
"""


async def tell(stack: Stack) -> dict[str, object]:
    ann = await stack.sign_in_as("Authors", "Ann")
    edith = await stack.sign_in_as("Editors", "Edith")
    if sys.argv[2:] == ["mapped"]:
        async with stack.database.connect() as connection:
            await connection.execute(text(MAP_EDITORS))
    post = (await ann.post("/posts", json={"title": "Hours", "content": "We ship."})).json()
    path = f"/posts/{post['id']}"
    seen = (await edith.get(path)).json()
    edited = await edith.patch(path, json={"content": "We shipped."})
    deleted = await edith.delete(path)
    (found,) = (await ann.get("/team", params={"q": "edith"})).json()["items"]
    left = (await ann.get(path)).json()
    return {
        "described": stack.app.openapi()["components"]["schemas"]["Role"]["enum"],
        "roles": await stack.roles(edith),
        "in the team": found["roles"],
        "can": [seen["can_edit"], seen["can_delete"]],
        "editing": edited.status_code,
        "deleting": deleted.status_code,
        "left": [left["content"], left["author"]["name"].split()[0]],
    }


async def main(database_url: str) -> None:
    database = Database(database_url, pool_size=2)
    async with running_stack(database) as stack:
        told = await tell(stack)
    await database.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
