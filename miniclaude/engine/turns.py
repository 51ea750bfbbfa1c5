"""Whose turn it is: the tokens that each user was served are counted, and who has had the fewest
comes first (the virtual token counter of Sheng et al. 2024, Fairness in Serving Large Language
Models).

Users come in groups: all that is asked with one key is one group, whatever users it names, so that
nobody gets more by making users up. Groups share evenly, and so do the users within one.

Only those who wait are owed anything: what one is served while nobody else waits is not held
against it. Who comes with nothing waiting begins no lower than all who are here have been served on
average since: time in which one asked for nothing is not saved up. What one had beyond that average
while others waited is remembered until the average has reached it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


def group_and_user(user: str) -> tuple[str, str]:
    """A user's group, what stands before the first slash of its name, and the user."""
    return user.partition("/")[0], user


@dataclass(slots=True, eq=False)
class Account:
    """What a user or a group was served.

    served: in tokens, raised to the group's level when it comes. waiting, jobs: how many requests
    wait, and how many wait or run. Of a group: its members; busy: how many of them have jobs;
    level: what the busy ones were served on average, in tokens; where nobody else waited, what
    was served counts as everybody's.
    """

    served: float = 0.0
    waiting: int = 0
    jobs: int = 0
    members: dict[str, Account] = field(default_factory=dict)
    busy: int = 0
    level: float = 0.0


class Turns:
    """The accounts of one scheduler. Tell of every request when it is `submitted`, when it is
    `admitted` and when it has `left`, and `charge` what is computed for it."""

    def __init__(self) -> None:
        self.everybody = Account()

    def place(self, user: str) -> tuple[float, ...]:
        """Where a user stands in line: the lower, the sooner it is its turn."""
        return tuple([account.served for _, account in self._way(user)])

    def submitted(self, user: str) -> None:
        """One of the user's requests begins to wait."""
        for group, account in self._way(user):
            if not account.waiting:
                account.served = max(account.served, group.level)
            group.busy += account.jobs == 0
            account.waiting += 1
            account.jobs += 1

    def admitted(self, user: str) -> None:
        """One of the user's requests waits no longer, and runs."""
        for _, account in self._way(user):
            account.waiting -= 1

    def left(self, user: str, *, waiting: bool) -> None:
        """One of the user's requests has ended. waiting: it had never been admitted."""
        for group, account in self._way(user):
            account.waiting -= waiting
            account.jobs -= 1
            group.busy -= account.jobs == 0
            group.members = {
                name: member
                for name, member in group.members.items()
                if member.jobs or member.served > group.level
            }
        if not self.everybody.busy:
            self.everybody = Account()

    def charge(self, user: str, tokens: int) -> None:
        """So many tokens are computed for one of the user's requests."""
        for group, account in self._way(user):
            account.served += tokens
            if group.waiting > account.waiting:  # somebody else is owed
                group.level += tokens / group.busy
            else:
                group.level = max(group.level, account.served)

    def check(self, waiting: int, jobs: int) -> None:
        """Raise AssertionError unless as many requests are accounted for as there are."""
        groups = self.everybody.members.values()
        users = [user for group in groups for user in group.members.values()]
        for accounts in (groups, users):
            told = sum(a.waiting for a in accounts), sum(a.jobs for a in accounts)
            if told != (waiting, jobs):
                raise AssertionError("the users' requests are miscounted")
        for group in (self.everybody, *groups):
            if group.busy != sum(member.jobs > 0 for member in group.members.values()):
                raise AssertionError("the users that have requests are miscounted")

    def _way(self, user: str) -> Iterator[tuple[Account, Account]]:
        """From everybody down to the user: each group with its member."""
        group = self.everybody
        for name in group_and_user(user):
            account = group.members.get(name)
            if account is None:
                account = group.members[name] = Account()
            yield group, account
            group = account
