"""Which request comes next, and whose result still counts: all orders that hypothesis can think of."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from napari_unet.session.live.desk import LANES, Desk, Kind

KINDS = st.sampled_from(list(Kind))
LANE_NAMES = st.sampled_from(sorted(set(LANES.values())))


class DeskMachine(RuleBasedStateMachine):
    """The desk beside lists that are searched anew every time."""

    def __init__(self):
        super().__init__()
        self.desk = Desk()
        self.asked = []  # every ticket, oldest first
        self.gone = set()  # numbers of those that were dropped or settled
        self.begun = set()  # numbers of those that were taken
        self.at_work = {}

    def newest(self, kind):
        of_kind = [t for t in self.asked if t.kind is kind]
        return of_kind[-1] if of_kind and of_kind[-1].number not in self.gone else None

    @precondition(lambda self: not self.desk.closed)
    @rule(kind=KINDS)
    def ask(self, kind):
        self.asked.append(self.desk.ask(kind, lambda: None, lambda result: None))

    @rule(kind=KINDS)
    def drop(self, kind):
        self.desk.drop(kind)
        self.gone |= {t.number for t in self.asked if t.kind is kind}

    @rule(lane=LANE_NAMES)
    def take(self, lane):
        ticket = self.desk.take(lane)
        waiting = [
            t for t in (self.newest(k) for k in Kind if LANES[k] == lane) if t and t.number not in self.begun
        ]
        if lane in self.at_work or not waiting:
            assert ticket is None
        else:
            assert ticket is waiting[0]  # the most urgent kind, and of it the newest
            self.at_work[lane] = ticket
            self.begun.add(ticket.number)

    @precondition(lambda self: self.at_work)
    @rule(data=st.data())
    def finish(self, data):
        lane = data.draw(st.sampled_from(sorted(self.at_work)))
        self.desk.finish(self.at_work.pop(lane))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def settle(self, data):
        ticket = data.draw(st.sampled_from(self.asked))
        if self.desk.is_wanted(ticket) and ticket.number in self.begun:
            self.desk.settle(ticket)
            self.gone.add(ticket.number)

    @rule()
    def close(self):
        self.desk.close()
        self.gone |= {t.number for t in self.asked}
        assert self.desk.ask(Kind.FIT, lambda: None, lambda result: None) is None

    @invariant()
    def only_the_newest_is_wanted(self):
        for ticket in self.asked:
            assert self.desk.is_wanted(ticket) == (self.newest(ticket.kind) is ticket)

    @invariant()
    def busy_is_what_has_work(self):
        for lane in set(LANES.values()):
            waits = any(
                (t := self.newest(k)) and t.number not in self.begun for k in Kind if LANES[k] == lane
            )
            assert self.desk.is_busy(lane) == (lane in self.at_work or bool(waits))


DeskMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestDesk = DeskMachine.TestCase
