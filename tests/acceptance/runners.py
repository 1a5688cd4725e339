"""Many cheap clients that send a request at the same moment: `python -m tests.acceptance.runners`.

Reads a list of requests from each line of standard input, connects all, says "ready", waits for a line, sends them all
at once, and writes the answers as one line.
"""

import json
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

Request = dict[str, Any]  # url, token, key, path, body
Answer = dict[str, Any]  # status, type, body


def main() -> None:
    for line in sys.stdin:
        requests: list[Request] = json.loads(line)
        clients = [httpx.Client(base_url=one["url"], timeout=60, trust_env=False) for one in requests]
        for client in clients:
            client.get("/healthz")
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(_send_together(clients, requests)), flush=True)


def _send_together(clients: Sequence[httpx.Client], requests: Sequence[Request]) -> list[Answer]:
    start = threading.Barrier(len(requests))

    def send(client: httpx.Client, one: Request) -> Answer:
        headers = {"Authorization": f"Bearer {one['token']}", "Idempotency-Key": one["key"]}
        start.wait()
        response = client.post(one["path"], json=one["body"], headers=headers)
        client.close()
        return {"status": response.status_code, "type": response.headers["content-type"], "body": response.json()}

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, clients, requests))


if __name__ == "__main__":
    main()
