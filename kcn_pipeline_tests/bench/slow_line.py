"""A line between this machine and itself that takes its time: bytes arrive half a round trip after they are sent.

It must not limit how much is sent at a time. The surprising fact: a new connection costs nothing here, so the round
trip its handshake would take is added to the FTP reply that announces it.
"""

import asyncio
import re
from collections import deque

_ANNOUNCES_PORT = re.compile(rb"^227 .*?\((\d+,\d+,\d+,\d+),(\d+),(\d+)\)", re.DOTALL)


class SlowLine:
    """Forwards connections to a port of this machine, also the data connections that FTP replies announce."""

    def __init__(self, round_trip_s: float) -> None:
        self._round_trip_s = round_trip_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def lead_to(self, port: int, is_for_one: bool = False) -> int:
        """Open a port that leads to another, for one connection or for all that come; returns it."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if is_for_one:
                server.close()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            self._start(self._forward(reader, far_writer))
            self._start(self._forward(far_reader, writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        under_way: deque[tuple[float, bytes]] = deque()
        has_more = asyncio.Event()

        async def deliver() -> None:
            while True:
                await has_more.wait()
                has_more.clear()
                while under_way:
                    due, content = under_way.popleft()
                    await asyncio.sleep(max(0.0, due - clock()))
                    if not content:
                        writer.close()
                        return
                    writer.write(content)

        self._start(deliver())
        content = b"first"
        while content:
            try:
                content = await reader.read(65_536)
            except OSError:
                content = b""
            delay = self._round_trip_s / 2
            if found := _ANNOUNCES_PORT.match(content):
                port = await self.lead_to(int(found[2]) * 256 + int(found[3]), is_for_one=True)
                content = content.replace(b"%s,%s,%s" % found.groups(), b"%s,%d,%d" % (found[1], *divmod(port, 256)))
                delay += self._round_trip_s
            under_way.append((clock() + delay, content))
            has_more.set()

    def _start(self, work: "asyncio.coroutines.Coroutine[None, None, None]") -> None:
        # Kept, since the loop itself holds tasks weakly.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
