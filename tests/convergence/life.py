"""A state machine that lives the life of a company's directory; nearly every step has effect."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from random import Random
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from emulator.testing import Settings
from tests.convergence.company import Company, Group, Pair, Person
from tests.convergence.history import (
    Event,
    History,
    Kept,
    Loss,
    at_one_moment,
    keep_ids,
    with_a_listing,
    with_stale_copies,
    without_lost,
)

Choice = TypeVar("Choice")

_LARGEST = 5

environments = st.builds(
    Settings,
    retain_deactivated=st.booleans(),
    same_id_on_return=st.booleans(),
    announce_memberships_on_return=st.booleans(),
    events_held_back_seconds=st.just(0),
    directory_users_per_second=st.just(0),
)


class Arrival(NamedTuple):
    """How WorkOS tells of a life, and what becomes of it on the way."""

    kept: frozenset[Kept]
    loss: Loss
    stale: bool
    """Membership events carry old copies of the person and the group."""
    at_once: int
    """So many successive events have the same time."""
    listings: int
    """So many complete listings arrive among them, and need not be true."""
    rng: Random

    @property
    def tells_all(self) -> bool:
        """Whether the mirror can know the truth in the end. A removal wins a tie in time."""
        return self.loss is not Loss.ANYTHING and self.at_once == 1 and not self.listings

    def of(self, events: list[Event]) -> list[Event]:
        """What arrives, in the order of its times."""
        told = with_stale_copies(events, self.rng) if self.stale else events
        if self.at_once > 1:
            told = at_one_moment(told, self.at_once)
        told = without_lost(told, self.loss, self.rng)
        for _ in range(self.listings):
            told = with_a_listing(told, self.rng)
        return told


arrivals = st.builds(
    Arrival,
    kept=st.sampled_from((frozenset(), frozenset(Kept))) | st.frozensets(st.sampled_from(Kept)),
    loss=st.sampled_from(Loss),
    stale=st.booleans(),
    at_once=st.sampled_from((1, 1, 3)),
    listings=st.sampled_from((0, 0, 1, 2)),
    rng=st.randoms(use_true_random=True),
)


def one_of(choices: Callable[[Company], Sequence[Choice]]) -> st.SearchStrategy[Choice]:
    """One of what there is just then."""
    return st.runner().flatmap(lambda life: st.sampled_from(choices(life.company)))


def some_of(choices: Callable[[Company], Sequence[Choice]]) -> st.SearchStrategy[list[Choice]]:
    return st.runner().flatmap(
        lambda life: st.lists(
            st.sampled_from(choices(life.company)), min_size=1, max_size=5, unique=True
        )
    )


def if_any(choices: Callable[[Company], Sequence[object]]) -> Callable[..., Callable[..., None]]:
    return precondition(lambda life: bool(choices(life.company)))


def directories(company: Company) -> list[str]:
    return company.directories


def small_directories(company: Company) -> list[str]:
    everybody = [person.directory_id for person in company.people()]
    return [home for home in company.directories if everybody.count(home) < _LARGEST]


def with_address(company: Company) -> list[Person]:
    return [person for person in company.present() if person.email is not None]


def pairs_present(company: Company) -> list[Pair]:
    return company.pairs(company.present())


def pairs_away(company: Company) -> list[Pair]:
    return company.pairs(company.away())


def renamings(company: Company) -> list[tuple[Group, str]]:
    """Each group with each name that is free for it."""
    return [
        (group, name)
        for group in company.groups()
        for directory, name in company.free_names()
        if directory == group.directory_id
    ]


def handovers(company: Company) -> list[tuple[Person, Person]]:
    """Who has an address that somebody else of the same directory could have instead."""
    return [
        (giver, taker)
        for giver in with_address(company)
        for taker in company.present()
        if giver.scim_id != taker.scim_id and giver.directory_id == taker.directory_id
    ]


class Life(RuleBasedStateMachine):
    """Draws a history; what is done with it is for a subclass to say, in `tell`."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.company: Company
        self.arrival: Arrival
        self.replaced = 0

    @initialize(
        environment=environments,
        arrival=arrivals,
    )
    def found(self, environment: Settings, arrival: Arrival) -> None:
        self.arrival = arrival
        self.company = Company(environment)
        self._open.callback(self.company.emulator.close)
        directory = self.company.open_directory()
        for name in ("Authors", "Admins"):
            self.company.push_group(directory, name, [self.company.hire(directory)])

    @if_any(small_directories)
    @rule(directory=one_of(small_directories), groups=st.integers(0, 3))
    def hire(self, directory: str, groups: int) -> None:
        self._join(self.company.hire(directory), groups)

    @if_any(Company.hireable)
    @rule(who=one_of(Company.hireable), groups=st.integers(0, 3))
    def rehire(self, who: tuple[str, str], groups: int) -> None:
        """Back after a deletion, or in a second directory as well."""
        self._join(self.company.hire(*who), groups)

    @if_any(pairs_present)
    @rule(pairs=some_of(pairs_present))
    def toggle_memberships(self, pairs: list[Pair]) -> None:
        self._toggle(pairs)

    @if_any(pairs_present)
    @rule(pair=one_of(pairs_present))
    def toggle_there_and_back(self, pair: Pair) -> None:
        self._toggle([pair, pair])

    @if_any(pairs_away)
    @rule(pairs=some_of(pairs_away))
    def toggle_memberships_of_people_away(self, pairs: list[Pair]) -> None:
        self._toggle(pairs)

    @if_any(Company.present)
    @rule(person=one_of(Company.present))
    def rename_person(self, person: Person) -> None:
        self.company.emulator.update_user(person.scim_id, first_name=self.company.new_name())

    @if_any(Company.present)
    @rule(person=one_of(Company.present))
    def change_address(self, person: Person) -> None:
        self.company.emulator.update_user(person.scim_id, email=self.company.new_address())

    @if_any(with_address)
    @rule(person=one_of(with_address))
    def lose_address(self, person: Person) -> None:
        self.company.emulator.update_user(person.scim_id, without_email=True)

    @if_any(handovers)
    @rule(people=one_of(handovers))
    def hand_over_address(self, people: tuple[Person, Person]) -> None:
        giver, taker = people
        self.company.emulator.update_user(giver.scim_id, email=self.company.new_address())
        self.company.emulator.update_user(taker.scim_id, email=giver.email)

    @if_any(Company.present)
    @rule(person=one_of(Company.present))
    def deactivate(self, person: Person) -> None:
        self.company.emulator.deactivate_user(person.scim_id)

    @if_any(Company.away)
    @rule(person=one_of(Company.away))
    def reactivate(self, person: Person) -> None:
        self.company.emulator.reactivate_user(person.scim_id)

    @if_any(Company.present)
    @rule(person=one_of(Company.present))
    def leave_and_return(self, person: Person) -> None:
        self.deactivate(person)
        self.reactivate(person)

    @precondition(lambda life: len(life.company.people()) > 1)
    @rule(person=one_of(Company.people))
    def delete_person(self, person: Person) -> None:
        self.company.emulator.delete_user(person.scim_id)

    @if_any(renamings)
    @rule(renaming=one_of(renamings))
    def rename_group(self, renaming: tuple[Group, str]) -> None:
        group, name = renaming
        self.company.emulator.rename_group(group.scim_id, name)

    @precondition(lambda life: len(life.company.groups()) > 1)
    @rule(group=one_of(Company.groups))
    def delete_group(self, group: Group) -> None:
        self.company.emulator.delete_group(group.scim_id)

    @if_any(Company.new_names)
    @rule(which=one_of(Company.new_names), members=st.integers(0, 3))
    def push_group(self, which: tuple[str, str], members: int) -> None:
        people = [each for each in self.company.present() if each.directory_id == which[0]]
        self.company.push_group(*which, people[:members])

    @if_any(Company.pushable_again)
    @rule(group=one_of(Company.pushable_again), members=st.integers(0, 3))
    def push_group_again(self, group: Group, members: int) -> None:
        self.delete_group(group)
        self.push_group((group.directory_id, group.name), members)

    @precondition(lambda life: len(life.company.directories) == 1)
    @rule(groups=st.integers(0, 3))
    def open_second_directory(self, groups: int) -> None:
        self._settle(self.company.open_directory(), groups)

    @precondition(lambda life: len(life.company.directories) > 1)
    @rule(directory=one_of(directories))
    def close_directory(self, directory: str) -> None:
        self.company.close_directory(directory)

    @precondition(lambda life: life.replaced < 2)
    @rule(directory=one_of(directories), groups=st.integers(0, 3))
    def replace_directory(self, directory: str, groups: int) -> None:
        self.replaced += 1
        self.company.close_directory(directory)
        self._settle(self.company.open_directory(), groups)

    @invariant()
    def is_observed(self) -> None:
        self.company.observe()

    def tell(self, history: History) -> None:
        """All that happened, at the end of a life that Hypothesis did not break off."""
        raise NotImplementedError

    def teardown(self) -> None:
        with self._open:
            if sys.exc_info()[0] is None:
                lived = History(self.company.events(), self.company.truth())
                self.tell(keep_ids(lived, self.arrival.kept))

    def _settle(self, directory: str, groups: int) -> None:
        """Groups, and people who are elsewhere or have been here, in some of them."""
        for name in ("Authors", "Admins", "Writers"):
            self.company.push_group(directory, name)
        for home, idp_id in self.company.hireable()[:2]:
            self._join(self.company.hire(home, idp_id), groups)

    def _join(self, person: Person, groups: int) -> None:
        here = [each for each in self.company.groups() if each.directory_id == person.directory_id]
        self._toggle([(group, person) for group in here[:groups]])

    def _toggle(self, pairs: list[Pair]) -> None:
        for group, person in pairs:
            self.company.toggle(group, person)
