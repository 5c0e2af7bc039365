"""A cache that serves one request at a time: the controller of the generator pycachegen.

Rules and words are those of docs/cache.md. All times follow from a request's own cycle and the answers of the
back end, so a request is one call; a hit costs no event and nothing of the levels below.
"""

from __future__ import annotations

from dataclasses import dataclass

from acadl.errors import AcadlError
from platforms.caches.backing import NO_DATA, Answer, BackEnd
from platforms.caches.tags import EMPTY, Tags


@dataclass(frozen=True, slots=True)
class CacheParameters:
    """One level. Sizes count words of the level, of ``word_bytes`` each.

    Attributes:
        policy: See :data:`platforms.caches.replacement.POLICIES`.
        write_back: Writes stay in the cache until their line makes room; otherwise they go on at once.
        write_allocate: A write that misses takes its line in.
        write_buffer: Entries of the buffer below the level; 0: none.
        seed: Of a random policy.
    """

    sets: int
    ways: int
    block_words: int
    word_bytes: int
    policy: str
    write_back: bool = True
    write_allocate: bool = True
    write_buffer: int = 0
    seed: int = 0


class BlockingCache:
    """A level and its state; it is a :class:`BackEnd` for the level above.

    Attributes:
        free: First cycle in which the controller takes the next request.
        hits, misses, write_backs: Counts; write-backs count lines.
        below_reads, below_writes: Requests that the back end has taken.
    """

    def __init__(self, parameters: CacheParameters, below: BackEnd, below_word_bytes: int) -> None:
        """An empty cache at cycle 0, whose back end has words of ``below_word_bytes``."""
        if below_word_bytes % parameters.word_bytes:
            raise AcadlError(
                f"a level with words of {parameters.word_bytes} bytes cannot lie on words of "
                f"{below_word_bytes} bytes: they have to hold a whole number of its words"
            )
        self.free = 0
        self.hits = self.misses = self.write_backs = self.below_reads = self.below_writes = 0
        self.parameters = parameters
        self._below = below
        self._tags = Tags(
            parameters.sets, parameters.ways, parameters.policy, seed=parameters.seed, empty_first=False
        )
        self._block = parameters.block_words
        self._ratio = below_word_bytes // parameters.word_bytes
        self._step = min(self._ratio, self._block)  # words that one request below brings
        self._full_mask = (1 << parameters.word_bytes) - 1
        self._step_mask = (1 << parameters.word_bytes * self._step) - 1

    def offer(self, cycle: int, write: bool, address: int, mask: int) -> Answer:
        """See :class:`BackEnd`."""
        grant = cycle if cycle > self.free else self.free
        return Answer(grant, self.serve(grant, write, address, mask)[0])

    def finish(self, cycle: int) -> None:
        """See :class:`BackEnd`."""
        self._below.finish(cycle)

    def serve(self, grant: int, write: bool, address: int, mask: int) -> tuple[int, bool]:
        """Take a request in cycle ``grant``, which is not before :attr:`free`.

        Returns:
            The first cycle in which its data are valid (-1 for a write), and whether it hits.
        """
        hit = self._tags.hit(address // self._block, write and self.parameters.write_back)
        if hit:
            self.hits += 1
            if write and not self.parameters.write_back:
                self.free = self._write_on(grant, address, mask) + 1
                return NO_DATA, True
            self.free = grant + 1
            return NO_DATA if write else grant + 1, True
        self.misses += 1
        if write:
            self._write_miss(grant, address, mask)
            return NO_DATA, False
        return self._read_miss(grant, address), False

    def _read_miss(self, grant: int, address: int) -> int:
        evicted = self._tags.allocate(address // self._block)
        first, end = self._fill(grant, address, self._block // self._step, 0)
        if evicted.dirty:
            end = self._write_back(max(end, grant + self._block + 2), evicted.line)
        self.free = end
        return first + 1

    def _write_miss(self, grant: int, address: int, mask: int) -> None:
        parameters, line = self.parameters, address // self._block
        whole = mask == self._full_mask
        if not parameters.write_allocate:
            self.free = self._write_on(grant, address, mask) + 1
            return
        evicted = self._tags.allocate(line, parameters.write_back)
        if whole and self._block == 1:  # nothing of the old line is needed
            if not parameters.write_back:
                self.free = self._write_on(grant, address, mask) + 1
            else:
                self.free = self._write_back(grant + 1, evicted.line) + 1 if evicted.dirty else grant + 1
            return
        skipped = 1 if whole and self._step == 1 else 0  # the word that is overwritten is not fetched
        _, end = self._fill(grant, address, self._block // self._step - skipped, skipped)
        if evicted.dirty:
            end = self._write_back(max(end, grant + self._block + 2), evicted.line)
        self.free = (end if parameters.write_back else self._write_on(end, address, mask)) + 1

    def _fill(self, grant: int, address: int, requests: int, skipped: int) -> tuple[int, int]:
        """Fetch the line, critical word first; when its data are valid, and the cycle after all."""
        step, block = self._step, self._block
        offset = address % block
        base = address - offset
        presented, first = grant + 1, EMPTY
        for number in range(skipped, skipped + requests):
            below = (base + (offset + number * step) % block) // self._ratio
            data = self._below.offer(presented, False, below, 0).data
            if first == EMPTY:
                first = data
            presented = data + step - 1
        self.below_reads += requests
        return first, presented + 1

    def _write_back(self, cycle: int, line: int) -> int:
        """Write a line, its first word presented from ``cycle`` on; the cycle after the last is taken."""
        self.write_backs += 1
        first = line * self._block
        for word in range(first, first + self._block, self._step):
            cycle = self._write_on(cycle, word, self._step_mask) + 1
        return cycle

    def _write_on(self, cycle: int, address: int, mask: int) -> int:
        """Present a write to the back end; the cycle in which it is taken."""
        self.below_writes += 1
        place = address % self._ratio * self.parameters.word_bytes
        return self._below.offer(cycle, True, address // self._ratio, mask << place).accepted
