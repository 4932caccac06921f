"""What a depot needs before workers may serve it: a child `prepare`, and what follows from its end.

It accepts a changed config and applies migrations, through the writer. A start with nothing to do
never runs it; each reload does, before any worker is replaced. Workers wait for the status page's
word, which is set once and stays.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Sequence

from cluster.child import Child
from cluster.slot import Starter
from shared.logs import get_logger
from shared.status_page import StatusPage

Then = Callable[[str], None]
"""What follows: "" when all is done, else the reason why it is not."""
NAME = "prepare"
_NO_WORD = "The preparation of the depot ended before it was done."


class Preparation:
    """At most one child at a time. `step` is called in every round of the supervisor's loop."""

    def __init__(
        self,
        page: StatusPage,
        start: Starter,
        watch: Callable[[Child], None],
        unwatch: Callable[[Child], None],
        release: Callable[[Child], None],
    ) -> None:
        """`watch`, `unwatch`: its pipe wakes the loop, or no longer. `release`: it has ended."""
        self._page, self._start = page, start
        self._watch, self._unwatch, self._release = watch, unwatch, release
        self._child: Child | None = None
        self._then: Then | None = None
        self._waiting: deque[Then] = deque()
        self._begun = False

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        return None if self._child is None else self._child.pid

    def decide(self, pending: Sequence[str], refuse: Callable[[str], None]) -> None:
        """The first writer is ready and names what is to be done: workers begin, or wait for it."""
        if self._begun:
            return
        self._begun = True
        if pending:
            get_logger().info("the depot is prepared", pending=list(pending))
            self._waiting.appendleft(lambda reason: refuse(reason) if reason else self._let_begin())
        else:
            self._let_begin()
        self._begin_next()

    def begin(self, then: Then) -> None:
        """Run it, after the one that runs now; `then` is called once, when it has ended.

        What is asked for several times meanwhile is done once: it sees what all of them saw. Before
        `decide` there is no writer to go through, so it waits for that.
        """
        if then not in self._waiting:
            self._waiting.append(then)
        self._begin_next()

    def _begin_next(self) -> None:
        if self._child is not None or not self._begun or not self._waiting:
            return
        then = self._waiting.popleft()
        try:
            self._child = self._start(NAME, ())
        except OSError as error:
            then(str(error))
            return
        self._then = then
        self._watch(self._child)

    def step(self) -> None:
        """See whether the child has ended."""
        child = self._child
        if child is None:
            return
        child.listen()
        if child.alive():
            if child.settled:
                self._unwatch(child)  # the end of its pipe would wake the loop for ever
            return
        child.listen()  # it may have spoken and ended in between
        self._child, then, self._then = None, self._then, None
        self._release(child)
        child.close()
        done = child.report is not None and child.report.ready
        if then is not None:
            then("" if done else child.refusal or _NO_WORD)
        self._begin_next()

    def stop(self) -> None:
        """The cluster ends: what it has not sent to the writer stays undone."""
        self._then = None
        self._waiting.clear()
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    def end(self, seconds: float) -> None:
        """Leave no process behind. Raises subprocess.TimeoutExpired."""
        self.stop()
        if self._child is not None:
            self._child.process.wait(seconds)
            self._child.close()
            self._child = None

    def _let_begin(self) -> None:
        self._page.prepared = True
