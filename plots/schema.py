"""The results file, version 1, as types: what `smh compare` and `smh run --json` write.

Owns no arithmetic: every number here is a raw counter (or, for jw1..jw4, a ratio that the
simulator derives). sim/result.h documents the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Union

SCHEMA = 1


@dataclass(frozen=True)
class MemoryRegion:
    name: str
    base: str
    size_bytes: int
    attr: int
    attr_name: str
    cache: str = "none"
    cycles: int = 0
    engine: Optional[str] = None
    granule_bytes: int = 0


@dataclass(frozen=True)
class Cache:
    size_bytes: int
    ways: int = 0
    write_through: bool = False
    write_allocate: bool = True
    shared: bool = False


@dataclass(frozen=True)
class Scenario:
    name: str
    file: str
    regions: list[MemoryRegion]
    why: str = ""
    seed: int = 0
    target_bits: int = 32
    match: str = "equal"
    policy: str = ""
    line_bytes: int = 0
    cores: int = 1
    l1: Optional[Cache] = None
    l2: Optional[Cache] = None
    store_buffer: int = 0
    actors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Failure:
    time_ns: int
    operation: str
    bytes: int
    attr: int
    attr_name: str
    reason: str
    actor: str = "?"
    site: int = 0
    align: int = 0
    free_bytes: int = 0
    largest_free_bytes: int = 0


@dataclass(frozen=True)
class Failures:
    total: int
    no_region: int
    fragmented: int
    full: int
    requested_bytes: int = 0
    first: list[Failure] = field(default_factory=list, metadata={"key": "list"})


@dataclass(frozen=True)
class Violation:
    oracle: str
    message: str
    operation_index: int = 0


@dataclass(frozen=True)
class Fragmentation:
    """Johnstone and Wilson's four measures; null when nothing was live."""

    jw1: Optional[float] = None
    jw2: Optional[float] = None
    jw3: Optional[float] = None
    jw4: Optional[float] = None


@dataclass(frozen=True)
class RegionUse:
    name: str
    memory_bytes: int
    used_bytes: int
    peak_used_bytes: int
    live_bytes: int
    peak_live_bytes: int
    free_bytes: int
    largest_free_bytes: int
    capacity_bytes: int = 0
    metadata_bytes: int = 0
    high_water_bytes: int = 0
    peak_live_blocks: int = 0
    free_chunks: int = 0
    live_blocks: int = 0
    allocated_blocks: int = 0
    freed_blocks: int = 0
    failed_requests: int = 0
    fragmentation: Optional[Fragmentation] = None


@dataclass(frozen=True)
class AttributeUse:
    attr: int
    attr_name: str
    peak_live_bytes: int = 0
    live_bytes: int = 0
    allocated_blocks: int = 0
    failed_requests: int = 0


@dataclass(frozen=True)
class RegionSamples:
    name: str
    used_bytes: list[int]
    live_bytes: list[int]
    free_bytes: list[int]
    largest_free_bytes: list[int]
    free_chunks: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Samples:
    time_ns: list[int]
    regions: list[RegionSamples]


@dataclass(frozen=True)
class HeapMap:
    """columns[t][r]: how much of bin r is used at time t, 0..255. Bin 0 is the lowest address."""

    name: str
    bin_bytes: int
    bins: int
    columns: list[list[int]]
    time_ns: Optional[list[int]] = None


@dataclass(frozen=True)
class LatencyOperation:
    count: int
    buckets: list[tuple[int, int]]
    sum: int = 0
    max: int = 0


@dataclass(frozen=True)
class Latency:
    operations: dict[str, LatencyOperation]
    source: str = "host"
    unit: str = "ns"
    clock_overhead_ns: int = 0


@dataclass(frozen=True)
class CallCycles:
    """What one kind of call cost in the target's cycles."""

    count: int
    min: int
    max: int
    p50: int
    p99: int
    buckets: list[tuple[int, int]]
    sum: int = 0


@dataclass(frozen=True)
class RegionCycles:
    operations: dict[str, CallCycles]
    name: Optional[str] = None  # none: requests that no region served


@dataclass(frozen=True)
class ActorCycles:
    name: str
    cycles: int
    allocator_cycles: int


@dataclass(frozen=True)
class CacheUse:
    name: str
    loads: int
    load_misses: int
    stores: int
    store_misses: int
    write_backs: int = 0
    fills: int = 0


@dataclass(frozen=True)
class Level:
    level: str
    regions: list[CacheUse]


@dataclass(frozen=True)
class Cycles:
    regions: list[RegionCycles]
    actors: list[ActorCycles] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    unit: str = "cycles"
    traced: bool = True


@dataclass(frozen=True)
class Owner:
    """Of bytes of a line. Metadata and nobody have a name and a kind alone."""

    name: str
    kind: str
    actor: Optional[str] = None
    operation: int = 0
    region: Optional[str] = None
    offset: int = 0
    bytes: int = 0
    align: int = 0


@dataclass(frozen=True)
class Step:
    """One step of the sequence that leads to a hazard; offset and bytes lie within the line."""

    what: str
    core: Union[int, str]  # "device"
    kind: Optional[str] = None
    shared_cache: bool = False
    owner: Optional[Owner] = None
    actor: Optional[str] = None
    operation: int = 0
    offset: int = 0
    bytes: int = 0
    by_allocator: bool = False
    uncached: bool = False
    skipped: bool = False


@dataclass(frozen=True)
class Hazard:
    name: str = field(metadata={"key": "class"})
    title: str
    explanation: str
    advice: str
    region: str
    line_offset: int
    line_bytes: int
    core: Union[int, str]
    operation: int
    count: int
    wrong: list[tuple[int, int]]
    victim: Owner
    culprit: Owner
    sequence: list[Step]
    drawing: str = ""
    file: str = ""
    line: int = 0
    actor: Optional[str] = None


@dataclass(frozen=True)
class Expectation:
    what: str
    allowed: str
    actual: str
    passed: bool


@dataclass(frozen=True)
class Run:
    engine: str
    policy: str
    seed: int
    passed: bool
    operations: dict[str, int]
    simulated_ns: int
    failures: Failures
    regions: list[RegionUse]
    violations: list[Violation] = field(default_factory=list)
    violation_count: int = 0
    attributes: list[AttributeUse] = field(default_factory=list)
    samples: Optional[Samples] = None
    heap_map: Optional[list[HeapMap]] = None
    latency: Optional[Latency] = None
    cycles: Optional[Cycles] = None
    hazards: Optional[list[Hazard]] = None  # none: not judged
    hazards_unlisted: int = 0
    hazard_lines_given_up: int = 0
    expectations: list[Expectation] = field(default_factory=list)


@dataclass(frozen=True)
class Document:
    schema: int
    scenario: Scenario
    runs: list[Run]
    program: str = "smh"
    version: str = ""
    command: str = "compare"
    verdict: str = ""
