"""The servers, the cells, and the goals for each group of cells."""
import dataclasses
import fnmatch

OURS, BAREWS_TOKIO, TUNG, TUNG_FWD, FLOOR = "barews", "barews_tokio", "tung", "tung_fwd", "floor"

# The columns of the tables, with a description.
SERVERS = {
    OURS: "the example `echo_server --threads 1`",
    BAREWS_TOKIO: "barews-tokio: `feed` queues, and the next `recv_message` writes",
    TUNG: "tokio-tungstenite, one `send` per message",
    TUNG_FWD: "tokio-tungstenite, `forward`: flushes when there is nothing more to receive",
    "axum": "axum's own WebSocket, which is tokio-tungstenite, one `send` per message",
    "tokio_websockets": "tokio-websockets, as in its own example",
    "fastwebsockets": "fastwebsockets with hyper, as in its own example",
    "yawc": "yawc, as in its own example",
    "sockudo_ws": "sockudo-ws, as in its own simple example",
    FLOOR: "a baseline, not a correct server: no validation, no fragmentation, no Pongs",
}

KIB = 1024
MIB = KIB * KIB


@dataclasses.dataclass(frozen=True)
class Cell:
    size: int
    connections: int
    pipeline: int

    @property
    def name(self):
        return f"{self.size}/{self.connections}/{self.pipeline}"

    @property
    def title(self):
        for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
            if self.size >= unit:
                return f"{self.size // unit} {name}"
        return f"{self.size} B"


CELLS = [
    Cell(size, connections, pipeline)
    for size in (16, 125, KIB)
    for connections in (1, 50, 500)
    for pipeline in (1, 32)
]
CELLS += [Cell(16 * KIB, *rest) for rest in ((1, 1), (1, 32), (50, 1), (50, 32), (500, 1))]
CELLS += [Cell(MIB, *rest) for rest in ((1, 1), (1, 32), (50, 1))]


def chosen(patterns):
    """The cells whose name matches one of the patterns; all cells if there is no pattern."""
    return [
        cell
        for cell in CELLS
        if not patterns or any(fnmatch.fnmatchcase(cell.name, pattern) for pattern in patterns)
    ]


@dataclasses.dataclass(frozen=True)
class Group:
    title: str
    # Sizes, connections and pipelines; empty means all.
    sizes: tuple
    connections: tuple = ()
    pipelines: tuple = ()
    # The minimum ratio of ours to these servers.
    goals: tuple = ()

    def holds(self, cell):
        wanted = ((self.sizes, cell.size), (self.connections, cell.connections), (self.pipelines, cell.pipeline))
        return all(not values or value in values for values, value in wanted)


FLOOR_GOAL = 0.9
SMALL = (16, 125, KIB)
GROUPS = [
    Group("16 B to 1 KiB, 1 connection, 1 in flight", SMALL, (1,), (1,), ((TUNG, 0.95),)),
    Group("16 B to 1 KiB, 50 connections, 1 in flight", SMALL, (50,), (1,), ((TUNG, 1.35),)),
    Group("16 B to 1 KiB, 500 connections, 1 in flight", SMALL, (500,), (1,), ((TUNG, 2.1),)),
    Group("16 B to 1 KiB, 1 connection, 32 in flight", SMALL, (1,), (32,)),
    Group("16 and 125 B, 50 and 500 connections, 32 in flight", (16, 125), (50, 500), (32,), ((TUNG, 20), (TUNG_FWD, 1.5))),
    Group("1 KiB, 50 and 500 connections, 32 in flight", (KIB,), (50, 500), (32,), ((TUNG, 10),)),
    Group("16 KiB", (16 * KIB,), goals=((TUNG, 1.2),)),
    Group("1 MiB", (MIB,), goals=((TUNG, 0.95),)),
]

# System calls per message, at 125 B and 50 connections: pipeline, maximum.
SYSCALL_GOALS = ((32, 0.08), (1, 2.1))
# Resident memory per idle connection, in bytes.
MEMORY_CONNECTIONS = 10_000
# The servers, whether compression is agreed on, and the goal.
MEMORY = (
    (OURS, False, 400),
    (BAREWS_TOKIO, False, 2 * KIB),
    (TUNG, False, None),
    ("axum", False, None),
    ("fastwebsockets", False, None),
    ("yawc", False, None),
    (BAREWS_TOKIO, True, 12 * KIB),
    ("yawc", True, None),
)
