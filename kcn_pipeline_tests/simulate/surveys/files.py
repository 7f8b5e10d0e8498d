"""The files of surveys: where each lies, what it holds, and which replies it is made of.

It must not know a format. The surprising fact: one reply may stand in two files, and it is one response all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kcn_pipeline_tests.simulate.surveys.mishaps import Mishap
from kcn_pipeline_tests.simulate.surveys.people import Respondent
from kcn_pipeline_tests.simulate.surveys.replies import Reply

#: Survey, round, and who was invited to it.
Invitation = tuple[str, str, Respondent]


@dataclass(frozen=True)
class SurveyFile:
    """One file below the folder of inputs, the night that lands it, and the replies in it, in their order."""

    path: str
    night: str
    replies: Sequence[Reply]
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class WrittenSample:
    """All files, what went wrong in them, and who was invited to which round."""

    files: Sequence[SurveyFile] = ()
    mishaps: Sequence[Mishap] = ()
    invited: Sequence[Invitation] = ()

    def file_of(self, serial: int) -> SurveyFile:
        """The first file that holds a reply; raises StopIteration."""
        return next(file for file in self.files if any(reply.serial == serial for reply in file.replies))
