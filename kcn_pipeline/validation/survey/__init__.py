"""Responses to surveys judged: which speak, which count, what becomes of their answers, and who was invited.

It must not compute a rating. The surprising fact: Great Expectations sees the responses, at most some ten thousand a
round, and of the answers only a summary with one row for each question; three million answers would cost it a minute
and 3 GB for rules that no single answer can break alone, so SQL and Arrow split them by what their response and their
question came to.

    validate      the night: which rounds are touched, what is written     rules        what a response must be; flags
    versions      which row speaks for a submission                        respondents  whether the register knows them
    judged        one round put together                                   answers      sums, bad questions, the split
    invitations   who was asked                                            told         findings and reasons
    standings     whose answer counts, what came at one moment
    outcomes      the six checks                                         misread      answers not understood, grouped
"""

from kcn_pipeline.validation.survey.validate import validate_survey

__all__ = ["validate_survey"]
