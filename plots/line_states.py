"""What memory and each cache hold of one line, step by step of a hazard's sequence.

Carries the listed steps out, one after the other, on copies of the line whose bytes are numbers of
writes. Nothing happens between steps but what the sequence says: the sequence is one schedule in
which the hazard shows, so the last moment has the bytes that go wrong.

    store 8..23       memory  0000 0000 0000      L1 of core 0   0011 1100 0000  dirty
    dma_write 0..7    memory  2200 0000 0000                     0011 1100 0000
    eviction          memory  0011 1100 0000                     0011 1100 0000  clean

Owns the rules of copies (as sim/hazard/state.c has them) and of whose a byte is; no colours.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Optional

from results import STEPS_BY_HARDWARE, Results
from schema import Hazard, MemoryRegion, Scenario, Step

BEFORE = 0  # the number of what was there before the first step
MEMORY, L2, DEVICE = "memory", "L2", "device"
NOBODY = ""


@dataclass
class Copy:
    """Of the line: per byte the number of the write whose value it holds."""

    writes: list[int]
    stored: set[int] = field(default_factory=set)  # bytes not yet written back
    dirty: bool = False

    def write_back(self) -> None:
        self.stored, self.dirty = set(), False


@dataclass
class Pending:
    """Stores that wait in a core's store buffer."""

    writes: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """What one place holds after a step; writes is None where it has no copy of the line."""

    name: str
    writes: Optional[list[Optional[int]]]  # None: the store buffer has no store to the byte
    stored: frozenset[int] = frozenset()
    dirty: bool = False
    old: frozenset[int] = frozenset()  # bytes that are not what was written last
    wrong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Moment:
    """After step `number` (from 1)."""

    number: int
    step: Step
    views: list[View]

    @property
    def by_hardware(self) -> bool:
        return self.step.what in STEPS_BY_HARDWARE


@dataclass(frozen=True)
class History:
    hazard: Hazard
    moments: list[Moment]
    owners: list[str]  # names, victim first
    base: list[str]  # whose each byte is before the first step
    writers: dict[int, list[str]]  # number of a write: whose each of its bytes is
    shown: bool  # the steps alone lead to the wrong bytes
    lost: bool  # the wrong bytes are nowhere; else they were read

    def owner(self, byte: int, write: int) -> str:
        return self.base[byte] if write == BEFORE else self.writers[write][byte]


class Line:
    """One line of one machine while the steps are carried out."""

    def __init__(self, scenario: Scenario, region: MemoryRegion, hazard: Hazard) -> None:
        cached = region.cache != "none"
        through = region.cache == "write-through"
        self.l1 = scenario.l1 if cached else None
        self.l2 = scenario.l2 if cached else None
        self.l1_through = self.l1 is not None and (through or self.l1.write_through)
        self.l2_through = self.l2 is not None and (through or self.l2.write_through)
        self.buffered = scenario.store_buffer > 0
        self.length = hazard.line_bytes
        self.memory = [BEFORE] * self.length
        self.caches: dict[int, Copy] = {}
        self.below: Optional[Copy] = None  # L2's copy
        self.pending: dict[int, dict[bool, dict[int, int]]] = {}  # core, uncached: byte, write
        self.truth: list[Optional[int]] = [BEFORE] * self.length  # None: no value is right

    def core(self, number: int) -> int:
        return 0 if self.l1 is not None and self.l1.shared else number

    # --- copies ---------------------------------------------------------------------------------

    def fetch_below(self) -> None:
        if self.l2 is not None and self.below is None:
            self.below = Copy(list(self.memory))

    def fetch(self, core: int) -> None:
        self.fetch_below()
        source = self.below.writes if self.below is not None else self.memory
        self.caches[core] = Copy(list(source))

    def behind(self, writes: dict[int, int]) -> None:
        """A store's bytes arrive behind L1."""
        if self.l2 is not None and self.l2.write_allocate:
            self.fetch_below()
        if self.below is not None:
            for byte, write in writes.items():
                self.below.writes[byte] = write
            if not self.l2_through:
                self.below.stored |= set(writes)
                self.below.dirty = True
                return
        for byte, write in writes.items():
            self.memory[byte] = write

    def put(self, core: int, writes: dict[int, int]) -> None:
        """A core's store is carried out."""
        if self.l1 is None:
            self.behind(writes)
            return
        if core not in self.caches and self.l1.write_allocate:
            self.fetch(core)
        held = self.caches.get(core)
        if held is None:
            self.behind(writes)
            return
        for byte, write in writes.items():
            held.writes[byte] = write
        if self.l1_through:
            self.behind(writes)
        else:
            held.stored |= set(writes)
            held.dirty = True

    def write_back(self, core: int) -> None:
        held = self.caches.get(core)
        if held is None or not held.dirty:
            return
        if self.l2 is None:
            self.memory = list(held.writes)
        else:
            stored = set() if self.l2_through else set(held.stored)
            self.below = Copy(list(held.writes), stored, not self.l2_through)
            if self.l2_through:
                self.memory = list(held.writes)
        held.write_back()

    def write_back_below(self) -> None:
        if self.below is not None and self.below.dirty:
            self.memory = list(self.below.writes)
            self.below.write_back()

    def drain(self, core: int) -> None:
        waiting = self.pending.pop(core, {})
        # what is current is the younger and comes second
        younger = [max(writes.values(), default=0) for writes in waiting.values()]
        for _, uncached in sorted(zip(younger, waiting)):
            if uncached:
                for byte, write in waiting[True].items():
                    self.memory[byte] = write
            else:
                self.put(core, waiting[False])

    # --- steps ----------------------------------------------------------------------------------

    def store(self, step: Step, core: int, number: int) -> None:
        writes = {byte: number for byte in reach(step)}
        self.truth[step.offset : step.offset + step.bytes] = [number] * step.bytes
        if self.buffered:
            self.pending.setdefault(core, {}).setdefault(step.uncached, {}).update(writes)
        elif step.uncached:
            self.memory[step.offset : step.offset + step.bytes] = [number] * step.bytes
        else:
            self.put(core, writes)

    def maintain(self, step: Step, core: int, wrong: set[int]) -> None:
        self.drain(core)
        if step.kind in ("clean", "flush"):
            self.write_back(core)
            self.write_back_below()
        if step.kind in ("invalidate", "flush"):
            self.caches.pop(core, None)
            self.below = None
            for byte in set(reach(step)) - wrong:
                if not self.held(byte):
                    self.truth[byte] = None  # thrown away by its owner: nothing is lost

    def access(self, step: Step, number: int, wrong: set[int]) -> None:
        if step.skipped:
            return
        if step.kind == "dma_write":
            self.memory[step.offset : step.offset + step.bytes] = [number] * step.bytes
            self.truth[step.offset : step.offset + step.bytes] = [number] * step.bytes
        elif isinstance(step.core, int):
            core = self.core(step.core)
            if step.kind == "store":
                self.store(step, core, number)
            elif step.kind in ("clean", "invalidate", "flush"):
                self.maintain(step, core, wrong)
            elif step.kind == "barrier":
                self.drain(core)

    def move(self, step: Step) -> None:
        """What hardware does by itself."""
        core = self.core(step.core) if isinstance(step.core, int) else 0
        if step.what == "drain":
            self.drain(core)
        elif step.shared_cache:
            if step.what == "eviction":
                self.write_back_below()
            elif step.what == "fill":
                self.fetch_below()
            else:
                self.below = None
        elif step.what == "eviction":
            self.write_back(core)
        elif step.what == "fill":
            self.fetch(core)
        else:
            self.caches.pop(core, None)

    # --- seeing ---------------------------------------------------------------------------------

    def held(self, byte: int) -> bool:
        """Whether the last value is in any place."""
        places = [self.memory, *(held.writes for held in self.caches.values())]
        places += [self.below.writes] if self.below is not None else []
        waiting = [writes for views in self.pending.values() for writes in views.values()]
        truth = self.truth[byte]
        return (
            truth is None
            or any(place[byte] == truth for place in places)
            or any(writes.get(byte) == truth for writes in waiting)
        )

    def old(self, writes: list[Optional[int]]) -> frozenset[int]:
        return frozenset(
            byte
            for byte, (write, truth) in enumerate(zip(writes, self.truth))
            if write is not None and truth is not None and write != truth
        )

    def source(self, step: Step) -> str:
        """Where a read gets its bytes."""
        if step.kind == "dma_read" or not isinstance(step.core, int) or step.uncached:
            return MEMORY
        core = self.core(step.core)
        if core in self.caches:
            return cache_name(self, core)
        return L2 if self.below is not None else MEMORY


def reach(step: Step) -> range:
    return range(step.offset, step.offset + step.bytes)


def cache_name(line: Line, core: int) -> str:
    return "L1, shared" if line.l1 is not None and line.l1.shared else f"L1 of core {core}"


def bytes_of(hazard: Hazard) -> set[int]:
    return {byte for start, end in hazard.wrong for byte in range(start, end)}


def views(line: Line, cores: list[int], wrong: set[int], at: Optional[str]) -> list[View]:
    """at: where wrong bytes are read; none: they are lost, so every place has them wrong."""

    def seen(name: str, held: Optional[Copy]) -> View:
        if held is None:
            return View(name, None)
        writes: list[Optional[int]] = list(held.writes)
        marked = frozenset(wrong) if at in (None, name) else frozenset()
        return View(name, writes, frozenset(held.stored), held.dirty, line.old(writes), marked)

    found = [seen(MEMORY, Copy(line.memory))]
    if line.l2 is not None:
        found.append(seen(L2, line.below))
    for core in cores:
        if line.l1 is not None:
            found.append(seen(cache_name(line, core), line.caches.get(core)))
        if line.buffered:
            waiting = line.pending.get(core, {})
            merged = {byte: write for part in waiting.values() for byte, write in part.items()}
            held = [merged.get(byte) for byte in range(line.length)] if merged else None
            name = f"store buffer {core}"
            old = line.old(held) if held else frozenset()
            found.append(View(name, held, frozenset(merged), bool(merged), old))
    return found


def whose(hazard: Hazard) -> tuple[list[str], list[str], dict[int, list[str]]]:
    """Names of owners, whose the bytes are before the first step, and of each write."""
    names: list[str] = []

    def know(name: str) -> str:
        if name not in names:
            names.append(name)
        return name

    base = [NOBODY] * hazard.line_bytes
    for step in reversed(hazard.sequence):  # what is first in time is there before
        if step.owner is not None and step.owner.kind != "nobody":
            for byte in reach(step):
                base[byte] = step.owner.name
    for owner in (hazard.victim, hazard.culprit):
        if owner.kind == "nobody":
            continue
        know(owner.name)
        start = owner.offset - hazard.line_offset
        for byte in range(max(0, start), min(hazard.line_bytes, start + owner.bytes)):
            if owner.region == hazard.region and base[byte] == NOBODY:
                base[byte] = owner.name
    writers: dict[int, list[str]] = {}
    for number, step in enumerate(hazard.sequence, 1):
        if step.owner is not None and step.owner.kind != "nobody":
            writers[number] = [know(step.owner.name)] * hazard.line_bytes
        else:
            writers[number] = list(base)
    return names, base, writers


def replay(results: Results, hazard: Hazard) -> History:
    line = Line(results.document.scenario, results.memory(hazard.region), hazard)
    wrong = bytes_of(hazard)
    names, base, writers = whose(hazard)
    cores = sorted(
        {
            line.core(step.core)
            for step in hazard.sequence
            if isinstance(step.core, int) and not (step.shared_cache or step.what == "free")
        }
    )
    moments: list[Moment] = []
    shown, lost = False, True
    for number, step in enumerate(hazard.sequence, 1):
        last = number == len(hazard.sequence)
        at: Optional[str] = None
        reads = step.what == "access" and step.kind in ("load", "dma_read")
        refused = hazard.name == "H10" and step.kind in ("dma_read", "dma_write")
        if reads or refused:
            at = line.source(step) if reads else MEMORY
        elif step.what == "access":
            line.access(step, number, wrong)
        elif step.what in ("hand_out", "free"):
            for byte in reach(step):
                line.truth[byte] = None
        else:
            line.move(step)
        marked = copy.copy(wrong) if last else set()
        found = views(line, cores, marked, at)
        if last:
            lost = at is None
            place = next((view for view in found if view.name == at), None)
            gone = {byte for byte in wrong if not line.held(byte)}
            stale = set(place.old) & wrong if place is not None else set()
            shown = refused or bool(stale if reads else gone)
        moments.append(Moment(number, step, found))
    return History(hazard, moments, names, base, writers, shown, lost)
