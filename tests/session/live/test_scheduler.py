"""The scheduler's threads under every order of requests, ends and hand-overs."""

import queue
import threading
import time

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from napari_unet.errors import Stopped
from napari_unet.session.live.desk import Kind
from napari_unet.session.live.scheduler import Scheduler

KINDS = st.sampled_from(list(Kind))


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


class Job:
    """Work that ends when it is told to; obedient work ends by itself when it is not wanted any more."""

    def __init__(self, obedient):
        self.obedient = obedient
        self.begun, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, work):
        self.begun.set()
        try:
            while not self.may_end.wait(0.001):
                if self.obedient and work.should_stop():
                    raise Stopped
            return self
        finally:
            self.ended.set()


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.posted = queue.Queue()
        self.scheduler = Scheduler(self.posted.put, self.fail)
        self.newest = {}
        self.jobs = []
        self.shown = []

    def fail(self, error):
        raise error

    @rule(kind=KINDS, obedient=st.booleans())
    def ask(self, kind, obedient):
        job = Job(obedient)
        self.jobs.append(job)
        self.newest[kind] = job
        self.scheduler.ask(kind, job, lambda result, kind=kind, job=job: self.show(kind, job, result))

    def show(self, kind, job, result):
        assert result is job
        assert self.newest.get(kind) is job, "a stale result was shown"
        assert job not in self.shown
        self.shown.append(job)

    @rule(kind=KINDS)
    def drop(self, kind):
        self.newest.pop(kind, None)
        self.scheduler.drop(kind)

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def let_end(self, data):
        job = data.draw(st.sampled_from(self.jobs))
        job.may_end.set()
        if job.begun.is_set():
            wait_until(job.ended.is_set)

    @rule()
    def hand_over(self):
        while not self.posted.empty():
            self.posted.get()()

    def teardown(self):
        for job in self.jobs:
            job.may_end.set()
        wanted = list(self.newest.values())
        wait_until(lambda: not self.scheduler.is_busy("quick") and not self.scheduler.is_busy("long"))
        threads = [t for t in threading.enumerate() if t.name in ("napari-unet-quick", "napari-unet-long")]
        assert len(threads) <= 2

        def all_are_shown():
            self.hand_over()
            return all(job in self.shown for job in wanted)

        wait_until(all_are_shown)
        assert self.scheduler.close()
        assert not any(thread.is_alive() for thread in threads)


SchedulerMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestSchedulerMachine = SchedulerMachine.TestCase


@pytest.fixture
def posted():
    return queue.Queue()


def test_closing_stops_what_runs_and_shows_nothing(posted):
    scheduler = Scheduler(posted.put, pytest.fail)
    job = Job(obedient=True)
    scheduler.ask(Kind.TRAIN, job, pytest.fail)
    wait_until(job.begun.is_set)
    assert scheduler.close(5)
    while not posted.empty():
        posted.get()()
    scheduler.ask(Kind.FIT, job, pytest.fail)  # nothing is taken any more
    assert not scheduler.is_busy()


def test_errors_are_told_once_and_only_while_they_matter(posted):
    told = []
    scheduler = Scheduler(posted.put, told.append)

    def fails(work):
        raise ValueError("broken")

    scheduler.ask(Kind.FIT, fails, pytest.fail)
    posted.get(timeout=5)()
    assert [str(error) for error in told] == ["broken"]
    scheduler.ask(Kind.FIT, fails, pytest.fail)
    late = posted.get(timeout=5)
    scheduler.drop(Kind.FIT)
    late()
    assert len(told) == 1
    assert scheduler.close()


def test_reports_come_before_the_result_and_not_after_a_newer_request(posted):
    heard = []
    scheduler = Scheduler(posted.put, pytest.fail)

    def tells(work):
        work.tell("half")
        return "whole"

    scheduler.ask(Kind.SHOW, tells, heard.append, heard.append)
    half, whole = posted.get(timeout=5), posted.get(timeout=5)
    half()
    scheduler.ask(Kind.SHOW, tells, heard.append, heard.append)
    whole()  # of the first
    assert heard == ["half"]
    for _ in range(2):
        posted.get(timeout=5)()
    assert heard == ["half", "half", "whole"]
    assert scheduler.close()


def test_training_waits_for_quick_work_and_goes_on(posted):
    scheduler = Scheduler(posted.put, pytest.fail)
    quick, passed, begun = Job(obedient=True), threading.Event(), threading.Event()

    def trains(work):
        begun.wait(5)
        work.let_pass()
        passed.set()

    scheduler.ask(Kind.TRAIN, trains, lambda result: None)
    scheduler.ask(Kind.FIT, quick, lambda result: None)
    wait_until(quick.begun.is_set)
    begun.set()
    assert not passed.wait(0.05)
    quick.may_end.set()
    assert passed.wait(1.0)
    assert scheduler.close()
