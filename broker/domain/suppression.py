"""Which numbers of related tables stay hidden, so that nobody works out one under five from those that are shown.

The numbers of all tables that belong together are edges of one network: at every node, what comes in is what goes out (a
total and its parts meet in a node). For each number under five that is hidden, there is another set of numbers, none of
them negative, that shows exactly the same and in which it is five more. So what is shown never says what it is.

1. A number is hidden when it is under five, or when it is without the part of any one contributor: who contributed knows
   their own part, and takes it off.
2. Such a number can be five more when a way leads back from its head to its tail over hidden numbers: each of them
   forwards, or backwards where it is five at least. Where there is no such way, the cheapest is hidden too.
3. That holds for everybody who only reads, and for each contributor beside their own part; not for two who join theirs.
   What is hidden for one of them takes no way from another, so that each is looked at once.
"""

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

SMALL = 5
"""A number under this is hidden."""

Node = Hashable
_View = Mapping[int, int]
"""The value of each number that somebody does not know already, by its place."""
_Ends = Sequence[tuple[int, int]]
"""The tail and the head of each number, by its place."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a table, from `tail` to `head`: of each contributor, also of one who contributed nothing, their part.

    A part has one value for each component; the components of one number are shown together or not at all.
    """

    tail: Node
    head: Node
    parts: Mapping[str, tuple[int, ...]]

    def total(self) -> tuple[int, ...]:
        """The sum of all parts, by component."""
        return tuple(map(sum, zip(*self.parts.values(), strict=True)))


def hidden_of(numbers: Sequence[Number]) -> frozenset[int]:
    """The places of the numbers that stay hidden. Raises ValueError when something comes in at a node and does not go out."""
    _check_balanced(numbers)
    views = tuple(_views(numbers))
    hidden = {place for view in views for place, value in view.items() if value < SMALL}  # 1
    nodes = {
        node: place for place, node in enumerate(dict.fromkeys(end for one in numbers for end in (one.tail, one.head)))
    }
    ends = [(nodes[one.tail], nodes[one.head]) for one in numbers]
    for view in views:  # 3
        if len(hidden) < len(numbers):
            _hide_more(ends, len(nodes), view, hidden)
    return frozenset(hidden)


def _check_balanced(numbers: Sequence[Number]) -> None:
    left: dict[tuple[Node, str, int], int] = defaultdict(int)
    for number in numbers:
        for who, values in number.parts.items():
            for component, value in enumerate(values):
                left[number.head, who, component] += value
                left[number.tail, who, component] -= value
    if any(left.values()):
        raise ValueError("what comes in at a node goes out of it")


def _views(numbers: Sequence[Number]) -> Iterator[_View]:
    """What is not known to somebody who only reads, and then to each contributor; for each component."""
    contributors = sorted({who for number in numbers for who in number.parts})
    components = max((len(values) for number in numbers for values in number.parts.values()), default=0)
    totals = [number.total() for number in numbers]
    for knowing in ("", *contributors):
        theirs = [number.parts.get(knowing) for number in numbers]
        unknown = [place for place, number in enumerate(numbers) if number.parts.keys() - {knowing}]
        for component in range(components):
            yield {
                place: totals[place][component] - (own[component] if (own := theirs[place]) else 0) for place in unknown
            }


def _hide_more(ends: _Ends, size: int, view: _View, hidden: set[int]) -> None:
    """Hide what must be hidden beside what is, for one view."""
    together = _joined(ends, size, view, hidden)
    for place in sorted(place for place, value in view.items() if value < SMALL):
        tail, head = ends[place]
        if together[tail] != together[head]:
            hidden |= _way_back(ends, view, hidden, place)  # 2
            together = _joined(ends, size, view, hidden)


def _joined(ends: _Ends, size: int, view: _View, hidden: set[int]) -> Sequence[int]:
    """Nodes with the same value lead to each other over hidden numbers (strongly connected components, Kosaraju)."""
    onwards: list[list[int]] = [[] for _ in range(size)]
    back: list[list[int]] = [[] for _ in range(size)]
    for place in view.keys() & hidden:
        for tail, head in _ways(ends, view, place):
            onwards[tail].append(head)
            back[head].append(tail)
    found = [-1] * size
    for start in reversed(_finished(onwards)):
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if found[node] < 0:
                found[node] = start
                waiting += back[node]
    return found


def _ways(ends: _Ends, view: _View, place: int) -> Iterator[tuple[int, int]]:
    """In which directions five can be moved over a number."""
    tail, head = ends[place]
    yield tail, head
    if view[place] >= SMALL:
        yield head, tail


def _finished(onwards: Sequence[Sequence[int]]) -> list[int]:
    """The nodes in the order in which a walk in depth leaves them."""
    seen = [False] * len(onwards)
    order: list[int] = []
    for start in range(len(onwards)):
        walk = [(start, iter(onwards[start]))] if not seen[start] else []
        seen[start] = True
        while walk:
            node, heads = walk[-1]
            head = next((head for head in heads if not seen[head]), None)
            if head is None:
                order.append(node)
                walk.pop()
            else:
                seen[head] = True
                walk.append((head, iter(onwards[head])))
    return order


def _way_back(ends: _Ends, view: _View, hidden: set[int], start: int) -> set[int]:
    """The numbers of the cheapest way from the head of one to its tail (Dijkstra).

    Hidden ones cost nothing, others what they say. There always is a way: onwards to the end, and from the beginning.
    """
    arcs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place in view:
        for tail, head in _ways(ends, view, place):
            arcs[tail].append((head, place))
    goal, first = ends[start]
    waiting: list[tuple[int, int, int, int]] = [(0, first, -1, -1)]
    came: dict[int, tuple[int, int]] = {}
    while goal not in came:
        cost, node, before, over = heapq.heappop(waiting)
        if node not in came:
            came[node] = (before, over)
            for head, place in arcs[node]:
                heapq.heappush(waiting, (cost + (0 if place in hidden else 1 + view[place]), head, node, place))
    way: set[int] = set()
    node = goal
    while node != first:
        node, over = came[node]
        way.add(over)
    return way
