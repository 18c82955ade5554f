"""Whatever answers at a key address."""

from collections.abc import Callable

import httpx2

Answer = httpx2.Response | Exception


class Answering(httpx2.AsyncBaseTransport):
    """Always the same, or what is put in its place; `asked` are the addresses."""

    def __init__(self, answer: Answer | Callable[[], Answer]) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        answer = self.answer() if callable(self.answer) else self.answer
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)
