"""The supervisor's loop: promote → signals → heartbeat → reap → prepare → roll → restart → drain.

Signal handlers only record; the loop acts. It never waits for one child in particular, so a slow
drain of one never delays the restart of another, and it never ends because children crash.
"""

from __future__ import annotations

import enum
import os
import selectors
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Final

from cluster import banner
from cluster.child import LISTEN_FDS, LOCK_FD, Child, Command, default_command
from cluster.depot import Depot
from cluster.metric_files import MetricFiles
from cluster.notify import Notifier
from cluster.preparation import Preparation
from cluster.rolling import Rolling
from cluster.signals import SignalInbox
from cluster.slot import Slot
from cluster.sockets import Addresses, SlotSockets
from shared.limits import (
    DRAIN_SECONDS,
    WRITER_BEAT_SECONDS,
    WRITER_DRAIN_SECONDS,
    WRITER_SILENT_SECONDS,
)
from shared.logs import get_logger
from shared.metrics import SupervisorMetrics
from shared.run_directory import RunDirectory
from shared.settings import Settings
from shared.status_page import StatusPage

EXIT_REPLACE: Final = 70
"""`Supervisor.run` ended for a replacement of the depot's data: do that, and start another one."""
_ROUND_SECONDS = 1.0  # longest time without a look at the writer's heartbeat
_KILL_SECONDS = 5.0


class Phase(enum.Enum):
    """Where the cluster is between start and end."""

    RUNNING = "running"
    DRAINING_WORKERS = "draining workers"
    DRAINING_WRITER = "draining the writer"
    ENDED = "ended"


class Supervisor:
    """Runs one cluster on a depot, addresses and a run directory that the caller prepared."""

    def __init__(
        self,
        settings: Settings,
        depot: Depot,
        addresses: Addresses,
        run: RunDirectory,
        *,
        ops_url: str,
        version: str,
        command: Command = default_command,
    ) -> None:
        self.phase = Phase.RUNNING
        self.metrics = SupervisorMetrics(version)
        self.metric_files = MetricFiles(run.metrics)
        self._settings, self._depot, self._addresses = settings, depot, addresses
        self._run_directory, self._ops_url, self._command = run, ops_url, command
        self._page = StatusPage.create(run.status_page)
        self.metrics.broken_apis.set_function(lambda: self._page.broken_apis)
        self._writer = Slot("writer", self._start)
        self._workers = [
            Slot(f"worker-{n}", self._start, SlotSockets(addresses.all, n, settings.uds_dir))
            for n in range(settings.worker_count)
        ]
        self._slots = (self._writer, *self._workers)
        self._rolling = Rolling(self._workers, self._watch)
        self._selector = selectors.DefaultSelector()
        self._signals = SignalInbox(self._selector)
        self._preparation = Preparation(
            self._page, self._start, self._watch, self._unwatch, self._release
        )
        self._notifier = Notifier()
        self._announced = False
        self._exit_code = 0
        self._deadline = float("inf")
        self._looked_at = self._told_watchdog_at = time.monotonic()

    def run(self) -> int:
        """Start everything, keep it running, and return the exit code after the end."""
        with self._signals:
            try:
                for slot in self._slots:
                    self._fill(slot)
                while self.phase is not Phase.ENDED:
                    self._wait()
                    self._promote()
                    self._act_on_signals()
                    self._check_heartbeat()
                    self._reap()
                    self._preparation.step()
                    self._rolling.step(time.monotonic())
                    self._restart()
                    self._drain()
            finally:
                self._end()
        return self._exit_code

    # --- What others ask ----------------------------------------------------------------------
    def state(self) -> tuple[bool, dict[str, object]]:
        """For /readyz: ready, and the names of those who are not. Called from another thread."""
        waiting = [slot.name for slot in self._slots if not slot.ready]
        details: dict[str, object] = {"phase": self.phase.value, "waiting": waiting}
        if self._page.disk_full:
            details["reason"] = "disk full"
        elif self._preparation.pid is not None and not self._page.prepared:
            details["reason"] = "settings or migrations are being applied"
        if self._page.broken_apis:  # the others are served: no reason to be unready
            details["record_apis_broken"] = self._page.broken_apis
        ready = self.phase is Phase.RUNNING and not waiting and not self._page.disk_full
        return ready, details

    def processes(self) -> dict[str, int]:
        """Names and pids of the living. Called from another thread."""
        found = {"supervisor": os.getpid()}
        for slot in self._slots:
            if (child := slot.child) is not None:
                found[slot.name] = child.pid
        if (pid := self._preparation.pid) is not None:
            found["prepare"] = pid
        return found

    # --- The rounds of the loop ---------------------------------------------------------------
    def _wait(self) -> None:
        now = time.monotonic()
        deadlines = [now + _ROUND_SECONDS, self._deadline]
        deadlines += [slot.restart_at for slot in self._slots if slot.restart_at is not None]
        if self._rolling.deadline is not None:
            deadlines.append(self._rolling.deadline)
        for key, _ in self._selector.select(max(0.0, min(deadlines) - now)):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.recv(4096)

    def _promote(self) -> None:
        """Hear from the children who is ready."""
        for slot in self._slots:
            for child in tuple(slot.children()):
                if child.listen():
                    self._became_ready(slot, child)
                if child.settled:
                    self._unwatch(child)
        if not self._announced and all(slot.ready for slot in self._slots):
            self._announce()

    def _act_on_signals(self) -> None:
        while (number := self._signals.take()) is not None:
            running = self.phase is Phase.RUNNING
            if number is signal.SIGHUP and running:
                self._preparation.begin(self._reload)
            elif number is signal.SIGUSR1 and running:
                self._exit_code = EXIT_REPLACE
                self._begin_drain("replacement")
            elif number in (signal.SIGTERM, signal.SIGINT):
                if self._exit_code == EXIT_REPLACE:
                    self._exit_code = 0  # nobody is to come after us
                if running:
                    self._begin_drain(number.name)
                elif number is signal.SIGINT:
                    self._deadline = time.monotonic()  # pressed twice: no patience

    def _check_heartbeat(self) -> None:
        """A writer that was ready and has not beaten for 10 s is killed and started again."""
        now = time.monotonic()
        paused = now - self._looked_at > WRITER_SILENT_SECONDS / 2
        self._looked_at = now
        if 0 < self._notifier.watchdog_seconds <= now - self._told_watchdog_at + _ROUND_SECONDS:
            self._told_watchdog_at = now
            self._notifier.tell("WATCHDOG=1")
        writer = self._writer.child
        if writer is None or writer.ready_at is None or paused:
            return  # when we were paused ourselves, give the writer a round to beat
        silent = min(self._page.silent_seconds(), now - writer.ready_at)
        if silent > WRITER_SILENT_SECONDS:
            get_logger().error("writer is silent; killing it", child=writer.pid, seconds=silent)
            writer.signal(signal.SIGKILL)

    def _reap(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            for child in tuple(slot.children()):
                if not child.alive():
                    self._lost(slot, child, now)

    def _restart(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.restart_at is not None and slot.restart_at <= now:
                if self._keeps(slot):
                    self.metrics.restarts.labels(slot.name).inc()
                    self._fill(slot)
                else:
                    slot.restart_at = None

    def _drain(self) -> None:
        """Move on from draining workers to draining the writer to the end."""
        if self.phase is Phase.DRAINING_WORKERS:
            if not any(True for child in self._children(self._workers)):
                self.phase = Phase.DRAINING_WRITER
                self._deadline = time.monotonic() + WRITER_DRAIN_SECONDS
                self._signal((self._writer,), signal.SIGTERM)
            elif time.monotonic() >= self._deadline:
                self._kill(self._workers)
        if self.phase is Phase.DRAINING_WRITER:
            if self._writer.child is None:
                self.phase = Phase.ENDED
            elif time.monotonic() >= self._deadline:
                self._kill((self._writer,))

    # --- Children -----------------------------------------------------------------------------
    def _start(self, name: str, descriptors: Sequence[int]) -> Child:
        environment = {"PROMETHEUS_MULTIPROC_DIR": str(self._run_directory.metrics)}
        if name == "writer":
            environment[LOCK_FD] = str(self._depot.lock)
            inherited: tuple[int, ...] = (self._depot.lock,)
        else:
            environment[LISTEN_FDS] = ",".join(map(str, descriptors))
            inherited = tuple(descriptors)
        command = self._command(name, self._run_directory.path)
        child = Child(name, command, environment, inherited)
        get_logger().debug("process started", process_name=name, child=child.pid)
        return child

    def _fill(self, slot: Slot) -> None:
        try:
            self._watch(slot.fill())
        except OSError as error:
            delay = slot.postpone(time.monotonic())
            get_logger().error(
                "process cannot be started", process_name=slot.name, reason=str(error), delay=delay
            )

    def _became_ready(self, slot: Slot, child: Child) -> None:
        get_logger().info(
            "process is ready",
            process_name=slot.name,
            child=child.pid,
            seconds=round((child.ready_at or 0.0) - child.started_at, 3),
        )
        self.metrics.up.labels(slot.name).set(1)
        if slot is self._writer and child.report is not None:
            self._preparation.decide(child.report.pending, self._refuse_to_begin)

    def _refuse_to_begin(self, reason: str) -> None:
        """The depot could not be prepared for its first workers."""
        banner.complain(reason)
        self._exit_code = 1
        self._begin_drain("refusal")

    def _reload(self, reason: str) -> None:
        """The depot is prepared for successors, or it is not: then all stays as it is."""
        if self.phase is not Phase.RUNNING:
            return
        if reason:
            get_logger().error("reload given up; the old workers go on", reason=reason)
        else:
            self._rolling.begin()

    def _lost(self, slot: Slot, child: Child, now: float) -> None:
        """An ended child was reaped: settle its metrics, and see who follows."""
        if child.listen():  # it may have become ready and died in one round
            self._became_ready(slot, child)
        self._release(child)
        child.close()
        if child is slot.retiring:
            slot.retiring = None
            return
        if child is slot.successor:
            self._rolling.successor_lost(slot, child)
            return
        self.metrics.up.labels(slot.name).set(0)
        if not self._keeps(slot):
            slot.child = None
            return
        if slot.successor is not None:
            slot.child, slot.successor = slot.successor, None
            return
        delay = slot.lost(child, now)
        get_logger().warning(
            "process ended",
            process_name=slot.name,
            child=child.pid,
            code=child.process.returncode,
            reason=child.refusal,
            restart_in=round(delay, 3),
        )
        if child.refusal and slot is self._writer and not self._announced:
            banner.complain(f"The {slot.name} will not start: {child.refusal}")
            self._exit_code = 1
            slot.restart_at = None
            self._begin_drain("refusal")

    def _keeps(self, slot: Slot) -> bool:
        """Whether a slot is filled again: the writer also while workers drain."""
        return self.phase is Phase.RUNNING or (
            slot is self._writer and self.phase is Phase.DRAINING_WORKERS
        )

    def _watch(self, child: Child) -> None:
        self._selector.register(child.pipe, selectors.EVENT_READ)

    def _unwatch(self, child: Child) -> None:
        if child.pipe in self._selector.get_map():
            self._selector.unregister(child.pipe)

    def _release(self, child: Child) -> None:
        """An ended child: nothing more comes from it, and its figures are settled."""
        self._unwatch(child)
        self.metric_files.fold(child.pid)

    @staticmethod
    def _children(slots: Sequence[Slot]) -> Iterator[Child]:
        for slot in slots:
            yield from slot.children()

    def _signal(self, slots: Sequence[Slot], number: signal.Signals) -> None:
        for child in self._children(slots):
            child.signal(number)

    # --- Begin and end ------------------------------------------------------------------------
    def _announce(self) -> None:
        self._announced = True
        self._notifier.tell("READY=1")
        report = self._writer.child.report if self._writer.child else None
        needs_superuser = report is not None and report.superusers == 0
        url, realtime_url = self._addresses.url, self._addresses.realtime_url
        link = banner.make_setup_link(self._run_directory, url) if needs_superuser else ""
        banner.announce(
            url,
            self._ops_url,
            self._settings.depot,
            link,
            realtime_url=realtime_url,
            needs_superuser=needs_superuser,
        )
        get_logger().info("cluster is ready", url=url, ops_url=self._ops_url)

    def _begin_drain(self, reason: str) -> None:
        """Workers first, while the writer still answers them; then the writer."""
        get_logger().info("cluster drains", reason=reason)
        self._notifier.tell("RELOADING=1" if self._exit_code == EXIT_REPLACE else "STOPPING=1")
        self.phase = Phase.DRAINING_WORKERS
        self._deadline = time.monotonic() + DRAIN_SECONDS
        self._rolling.stop()
        self._preparation.stop()
        for child in self._children(self._workers):
            # One that is not ready has no requests, and may wait for a writer that never comes.
            child.signal(signal.SIGKILL if child.ready_at is None else signal.SIGTERM)
        for slot in self._workers:
            if slot.sockets is not None:
                slot.sockets.close()  # once the workers stop accepting, clients are refused

    def _kill(self, slots: Sequence[Slot]) -> None:
        get_logger().warning("drain took too long; killing", phase=self.phase.value)
        self._signal(slots, signal.SIGKILL)
        self._deadline = time.monotonic() + _KILL_SECONDS

    def _end(self) -> None:
        """Leave nothing behind, however the loop ended."""
        for child in tuple(self._children(self._slots)):
            child.signal(signal.SIGKILL)
            child.process.wait(_KILL_SECONDS)
            child.close()
        self._preparation.end(_KILL_SECONDS)
        for slot in self._workers:
            if slot.sockets is not None:
                slot.sockets.remove()
        self._selector.close()
        get_logger().info("cluster ended")


assert _ROUND_SECONDS + WRITER_BEAT_SECONDS < WRITER_SILENT_SECONDS
