"""Responses to surveys as tools export them → who answered what, with nobody's name left in it.

It must not judge a response; validation does. The surprising fact: the same response may come over the API and in three
kinds of export, and is one response where they all carry its uuid.

    stage        the night's payloads → staged tables        kobo_json      pages of KoboToolbox, also as .json files
    recognise    which survey a payload belongs to           spreadsheets   CSV and workbooks, whatever tool wrote them
    headers      what a column's header means                kobo_export    CSV and XLSX exports of KoboToolbox
    scales       what an answer means                        google_forms   Google Forms
    respondents  who answered                                limesurvey     LimeSurvey
    masking      identities inside free text                 paper          the board's typed paper forms
    strays       identities in columns that nobody knows     raw_texts      what is shown of answers on no scale
    collect      all of them come together here              invitations    who was asked
    tables       what was collected as Arrow tables          grids          a sheet with its header row found
    moments      times, whoever wrote them                   columns        its columns → questions, a row → answers
    kobo_pages   bytes of a page → its submissions           texts          CSV with control characters, long cells
"""

from kcn_pipeline.staging.surveys.stage import stage_survey

__all__ = ["stage_survey"]
