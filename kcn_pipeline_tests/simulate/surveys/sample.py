"""The surveys of the tracked sample: who answers when and by which tool, and what goes wrong.

It must not know how a thing goes wrong (`mishaps.py`) nor how a file is made. The surprising fact: all files are there
in one night and git keeps no times, so no truth here depends on which of two files is newer; versions of one
submission over several nights are for the tests with a server.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count

from kcn_pipeline_tests.simulate.province import Enterprise, Province
from kcn_pipeline_tests.simulate.surveys import mishaps
from kcn_pipeline_tests.simulate.surveys.files import Invitation, SurveyFile, WrittenSample
from kcn_pipeline_tests.simulate.surveys.filling import Filler
from kcn_pipeline_tests.simulate.surveys.kobo import BOTH, JOINED, SEPARATE, Export, Rename, to_submission, write_page
from kcn_pipeline_tests.simulate.surveys.mishaps import Mishap
from kcn_pipeline_tests.simulate.surveys.opinions import Opinions, make_opinions
from kcn_pipeline_tests.simulate.surveys.outcome import round_of
from kcn_pipeline_tests.simulate.surveys.people import (
    Respondent,
    make_experts,
    make_firm,
    make_manager,
    make_person,
    make_workers,
)
from kcn_pipeline_tests.simulate.surveys.questionnaire import Questionnaire, read_indicators, read_questionnaire
from kcn_pipeline_tests.simulate.surveys.replies import Reply
from kcn_pipeline_tests.simulate.surveys.tools import (
    CODE,
    FULL,
    SHORT,
    LimeSurvey,
    write_google,
    write_invitations,
    write_paper,
)
from kcn_pipeline_tests.simulate.workbooks import Sheet, Value

#: The versions of the form: the first calls one question otherwise, types scores as numbers and lacks two indicators;
#: the last calls another question otherwise.
V1, V2, V3 = "vFirst1a", "vSecond2b", "vThird3c"
RENAMED = Rename({V1: {"mg01_necessity": "mg01_muc_do_can_thiet"}, V3: {"mg02_clarity": "mg02_ro_rang"}})
#: Asked from the second version on, and from the third: in the first round nobody was asked the latter.
_LATE, _RARE = "ID11", "ID10"
#: Indicators whose fate must not be left to chance, and those that change it between the rounds.
_FATES = {"MG01": "liked", "EN02": "disliked", "EC09": "disliked", "SO05": "needed", "ID03": "doubted", "ID10": "liked"}
_CHANGED = {"ID03": "liked", "EC15": "disliked", "MG06": "doubted"}
FIRST, SECOND = "2025-2", "2026-1"
_INVITED_ON = date(2025, 9, 15)


def make_sample(province: Province) -> WrittenSample:
    """Everything about the surveys of the sample."""
    return _Sample(province).make()


class _Sample:
    """Puts the sample together; serial numbers are given in the order of the plan."""

    def __init__(self, province: Province) -> None:
        self.province, self.seed = province, province.seed
        self.form = read_questionnaire("indicator_set")
        self.short = read_questionnaire("satisfaction")
        self.experts = make_experts(self.seed, 15)
        self.firms = {firm.number: firm for firm in province.enterprises}
        self.files: list[SurveyFile] = []
        self.cases: list[Mishap] = []
        self._serials = count(1)
        self._fillers = {FIRST: self._filler(_FATES), SECOND: self._filler(_FATES | _CHANGED)}
        self.satisfied = Filler(self.short, Opinions(self.seed, {}), {}, self.seed)

    def make(self) -> WrittenSample:
        self._first_round()
        self._second_round()
        self._satisfaction()
        self._invite()
        self._note_uninvited()
        return WrittenSample(self.files, self.cases, self.invited)

    # ---- bricks ------------------------------------------------------------------------------------------------------

    def _filler(self, fates: Mapping[str, str]) -> Filler:
        codes = [one["code"] for one in read_indicators()]
        absent = {V1: self._of(_LATE, _RARE), V2: self._of(_RARE)}
        return Filler(self.form, make_opinions(self.seed, codes, fates), absent, self.seed)

    def _of(self, *codes: str) -> frozenset[str]:
        """The questions about these indicators."""
        return frozenset(one.name for one in self.form.fields if one.indicator_code in codes)

    def _firm(self, number: int, day: date) -> Respondent:
        firm = self.firms[number]
        return make_firm(self.seed, firm, firm.tax_code_on(day))

    def _fill(
        self, round_code: str, who: Iterable[Respondent], version: str, omitted: Iterable[str] = ()
    ) -> list[Reply]:
        """Replies spread over the round; the first of each type leaves nothing out."""
        filler, days = self._fillers[round_code], self.form.rounds[round_code]
        length = (days.closes_on - days.opens_on).days
        replies: list[Reply] = []
        for one in who:
            serial = next(self._serials)
            is_first = all(reply.respondent.respondent_type != one.respondent_type for reply in replies)
            day = days.opens_on + timedelta(days=(serial * 7) % (length + 1))
            is_thorough = is_first or serial % 2 == 0
            replies.append(filler.fill(one, serial, day, version, thorough=is_thorough, omitted=frozenset(omitted)))
        return replies

    def _firms_of(self, round_code: str, first: int, last: int) -> list[Respondent]:
        opens_on = self.form.rounds[round_code].opens_on
        return [self._firm(number, opens_on) for number in range(first, last + 1)]

    def _pages(self, folder: str, questionnaire: Questionnaire, pages: Sequence[Sequence[Reply]]) -> None:
        """Pages of the API, saved as files; scores of the first version are numbers."""
        uid, total = questionnaire.forms[0], sum(map(len, pages))
        for number, replies in enumerate(pages, 1):
            rows = [_numbers(questionnaire, to_submission(questionnaire, uid, reply, RENAMED)) for reply in replies]
            self._file(f"{folder}/{uid}/data-{number}.json", replies, write_page(rows, total))

    def _file(self, path: str, replies: Sequence[Reply], content: bytes) -> None:
        last = max((reply.submitted_at.date() for reply in replies), default=_INVITED_ON)
        night = (last + timedelta(days=2)).isoformat()
        self.files.append(SurveyFile(f"surveys/{path}", night, list(replies), content))

    def _note(self, case: Mishap) -> None:
        self.cases.append(case)

    # ---- the first round ---------------------------------------------------------------------------------------------

    def _first_round(self) -> None:
        pages = self._first_pages()
        self._pages("kobo_2025-2", self.form, pages)
        self._first_exports(pages)
        self._first_tools()

    def _first_pages(self) -> list[list[Reply]]:
        """The API: fourteen firms and six experts, the first page in the first version of the form."""
        old = self._fill(FIRST, [*self._firms_of(FIRST, 1, 8), *self.experts[:3]], V1)
        new = self._fill(FIRST, [*self._firms_of(FIRST, 9, 14), *self.experts[3:6]], V2)
        self._note(mishaps.spaced_key(old[1]))
        self._note(mishaps.straight_line(old[2]))
        self._note(mishaps.too_fast(old[3]))
        self._note(mishaps.off_scale(old[4], "en01_cost", "7"))
        self._note(mishaps.telling_comment(old[5], "en05_comment", make_person(self.seed, "mentioned", 1)))
        self._note(mishaps.other_park(new[1], self._another_park(new[1])))
        old[6].attachments = 1
        new[2].approval, new[3].approval = "approved", "not_approved"
        new[4], case = mishaps.edited(new[4], "ec01_necessity", 5)
        self._note(case)
        again, case = mishaps.answered_again(old[7], next(self._serials), timedelta(days=3))
        self._note(mishaps.other_tax_code(old[7], self.firms[8].tax_codes[0][1]))
        again.submitted_at = min(again.submitted_at, datetime(2025, 11, 30, 16))
        self._note(case)
        bad = self._fill(FIRST, self._firms_of(FIRST, 52, 56), V2)
        self._note(mishaps.trial(bad[0]))
        self._note(mishaps.empty(bad[1]))
        self._note(mishaps.unknown_enterprise(bad[2]))
        self._note(mishaps.outside_all_rounds(bad[3], datetime(2025, 12, 24, 9, 30)))
        self._note(mishaps.no_key(bad[4]))
        return [old, [*new, again, *bad]]

    def _another_park(self, reply: Reply) -> str:
        codes = [park.code for park in self.province.parks]
        return codes[(codes.index(reply.respondent.park_code or "") + 1) % len(codes)]

    def _first_exports(self, pages: Sequence[Sequence[Reply]]) -> None:
        """The server's own exports: by name, by label, as a workbook. Some submissions came by the API, too."""
        named = self._fill(FIRST, self._firms_of(FIRST, 15, 18), V1) + self._fill(
            FIRST, self._firms_of(FIRST, 19, 22), V2
        )
        self._note(mishaps.off_scale(named[1], "so01_clarity", "0"))
        export = Export(self.form, RENAMED, with_groups=True)
        both = [*pages[0][:2], *named]
        self._file("exports/chi_tieu_2025-2_ten.csv", both, export.write_csv(both))
        labelled = self._fill(FIRST, self._firms_of(FIRST, 23, 30), V2)
        self._odd_labels(labelled[1])
        self._note(mishaps.wrong_label(labelled[2], "en03_availability"))
        export = Export(self.form, RENAMED, language="vi", delimiter=",")
        self._file("exports/chi_tieu_2025-2_nhan.csv", labelled, export.write_csv(labelled))
        booked = self._fill(FIRST, [*self._firms_of(FIRST, 31, 36), *self.experts[6:9]], V2)
        export = Export(self.form, RENAMED, shape=BOTH)
        content = export.write_xlsx(booked, [self._suggestions(booked)])
        self._file("exports/chi_tieu_2025-2.xlsx", booked, content)

    def _odd_labels(self, reply: Reply) -> None:
        ratings = [one for one in self.form.of_role("rating") if one.name in reply.scores][:10]
        labels = [(one.name, one.options[str(reply.scores[one.name])]["vi"]) for one in ratings]
        self._note(mishaps.odd_labels(reply, self.province.stream("labels"), labels))

    def _suggestions(self, replies: Sequence[Reply]) -> Sheet:
        """A repeat group: two suggestions of the first reply, one of the third, joined by the parent's index."""
        title = self.form.title["vi"]
        header = ["suggested_indicator", "_index", "_parent_table_name", "_parent_index", "_submission__uuid"]
        texts = [(1, "Tỷ lệ cây xanh thực trồng"), (1, "Số vụ ngừng việc"), (3, "Chi phí logistics")]
        rows: list[list[Value]] = [
            [text, number, title, parent, replies[parent - 1].uuid] for number, (parent, text) in enumerate(texts, 1)
        ]
        return Sheet("suggestions", [list(header), *rows])

    def _first_tools(self) -> None:
        """Google Forms, LimeSurvey and paper; none of their forms asks the rarest indicator."""
        rare = self._of(_RARE)
        asked = self._fill(FIRST, self._firms_of(FIRST, 37, 42), "", rare)
        self._note(mishaps.spaced_key(asked[1]))
        bad = self._fill(FIRST, self._firms_of(FIRST, 57, 58), "", rare)
        self._note(mishaps.unknown_type(bad[0]))
        self._note(mishaps.unknown_park(bad[1]))
        self._file("google/phieu_2025-2.csv", [*asked, *bad], write_google(self.form, [*asked, *bad], rare))
        asked = self._fill(FIRST, [*self._firms_of(FIRST, 43, 45), *self.experts[9:12]], "", rare)
        bad = self._fill(FIRST, self._firms_of(FIRST, 59, 59), "", rare)
        self._note(mishaps.unfinished(bad[0]))
        lime = LimeSurvey(self.form, CODE, is_matrix=True, omitted=rare)
        self._file("limesurvey/results_2025-2_code.csv", [*asked, *bad], lime.write([*asked, *bad]))
        typed = self._fill(FIRST, self._firms_of(FIRST, 46, 51), "", rare)
        self._paper("paper/phieu_giay_2025-2.xlsx", typed)

    def _paper(self, path: str, typed: list[Reply]) -> None:
        """Paper forms: two of them typed twice, the second time one score of one form differs."""
        for reply in typed:
            reply.submitted_at = datetime.combine(reply.submitted_at.date(), datetime.min.time())
        same = replace(typed[0], entry=2)
        other = replace(typed[1], entry=2, scores=dict(typed[1].scores))
        question = next(name for name, score in other.scores.items() if score < 5)
        other.scores[question] += 1
        what = "typed twice and not the same; the first time counts"
        self._note(
            Mishap(
                "double_entry", self.form.survey_id, typed[1].serial, question, what, "noted", "double_entry_differs"
            )
        )
        rows = [typed[0], same, typed[1], other, *typed[2:]]
        self._file(path, rows, write_paper(self.form, rows))

    # ---- the second round --------------------------------------------------------------------------------------------

    def _second_round(self) -> None:
        """All tools once more, in other shapes; managers answer, too."""
        managers = [
            make_manager(self.seed, number, park.code) for number, park in enumerate(self.province.parks[:4], 1)
        ]
        people = [*self._firms_of(SECOND, 1, 12), *self.experts[:5], *managers]
        page = self._fill(SECOND, people, V3)
        self._note(mishaps.wrong_check_digit(page[5]))
        self._note(mishaps.straight_line(page[6], 5))
        self._note(mishaps.telling_comment(page[7], "mg03_comment", make_person(self.seed, "mentioned", 2)))
        self._note(mishaps.telling_comment(page[13], "mg03_comment", make_person(self.seed, "mentioned", 3)))
        for reply in page[8:11]:
            reply.comments["mg03_comment"] = f"Cần hướng dẫn cách tính ({reply.serial % 3 + 2} dòng)."
        self._pages("kobo_2026-1", self.form, [page])
        named = self._fill(SECOND, self._firms_of(SECOND, 13, 20), V2) + self._fill(
            SECOND, self._firms_of(SECOND, 21, 26), V3
        )
        self._contradict(named)
        labelled = self._fill(SECOND, self._firms_of(SECOND, 27, 32), V3)
        export = Export(self.form, RENAMED, language="en")
        self._file("exports/chi_tieu_2026-1_labels_en.csv", labelled, export.write_csv(labelled))
        booked = self._fill(SECOND, [*self._firms_of(SECOND, 33, 38), *self.experts[5:9]], V3)
        self._odd_labels(booked[1])
        export = Export(self.form, RENAMED, language="vi", shape=SEPARATE)
        self._file("exports/chi_tieu_2026-1.xlsx", booked, export.write_xlsx(booked))
        self._second_tools(named[2])

    def _contradict(self, named: list[Reply]) -> None:
        """An export of two versions; in one row both columns of one question are filled, and not alike."""
        export = Export(self.form, RENAMED, delimiter=",", shape=JOINED)
        header, rows = export.tabulate(named)
        reply = named[1]
        score = reply.scores.pop("mg02_clarity", 3)
        reply.lost["mg02_clarity"] = "answer_contradicts"
        rows[1][header.index("mg02_clarity")] = str(score)
        rows[1][header.index("mg02_ro_rang")] = str(score % 5 + 1)
        what = "one question in two columns, filled with different scores"
        self._note(
            Mishap(
                "contradiction",
                self.form.survey_id,
                reply.serial,
                "mg02_clarity",
                what,
                "lost",
                reply.lost["mg02_clarity"],
            )
        )
        self._file("exports/chi_tieu_2026-1_ten.csv", named, export.dump(header, rows))

    def _second_tools(self, seen_before: Reply) -> None:
        asked = self._fill(SECOND, self._firms_of(SECOND, 39, 44), "")
        again, case = mishaps.answered_again(seen_before, next(self._serials), timedelta(days=2))
        again.version, again.asked = "", asked[0].asked
        again.submitted_at = min(again.submitted_at, datetime(2026, 4, 30, 15))
        self._note(case)
        self._file("google/phieu_2026-1.csv", [*asked, again], write_google(self.form, [*asked, again]))
        asked = self._fill(SECOND, [*self._firms_of(SECOND, 45, 47), *self.experts[9:12]], "")
        lime = LimeSurvey(self.form, FULL, language="vi")
        self._file("limesurvey/results_2026-1_full.csv", asked, lime.write(asked))
        asked = self._fill(SECOND, [*self._firms_of(SECOND, 48, 49), *self.experts[12:15]], "")
        lime = LimeSurvey(self.form, SHORT)
        self._file("limesurvey/results_2026-1_short.csv", asked, lime.write(asked))
        self._paper("paper/phieu_giay_2026-1.xlsx", self._fill(SECOND, self._firms_of(SECOND, 50, 55), ""))

    # ---- satisfaction ------------------------------------------------------------------------------------------------

    def _satisfaction(self) -> None:
        """Firms over the API, workers by an export and on Google Forms; one park has too few of both to be shown."""
        firms = [number for number in range(1, 46) if number % 5 != 0 or number <= 10]
        workers = make_workers(self.seed, {park.code: 12 for park in self.province.parks[:4]})
        workers += make_workers(self.seed, {self.province.parks[4].code: 2})
        opens_on = self.short.rounds["2025"].opens_on
        pages = [self._answer("2025", [self._firm(number, opens_on) for number in firms], V1)]
        self._note(mishaps.nothing_usable(pages[0][3], "service_satisfaction", "9"))
        self._note(mishaps.telling_comment(pages[0][4], "general_comment", make_person(self.seed, "mentioned", 4)))
        self._pages("kobo_hai_long", self.short, pages)
        half = len(workers) // 2
        exported = self._answer("2025", workers[:half], V1)
        self._odd_measures(exported)
        export = Export(self.short, RENAMED, language="vi")
        self._file("exports/hai_long_2025.csv", exported, export.write_csv(exported))
        asked = self._answer("2025", workers[half:], "")
        self._file("google/hai_long_2025.csv", asked, write_google(self.short, asked))
        later = self._answer("2026", [self._firm(number, opens_on) for number in range(1, 9)], "")
        self._file("google/hai_long_2026.csv", later, write_google(self.short, later))

    def _odd_measures(self, replies: Sequence[Reply]) -> None:
        labels = self.short.field("social_infrastructure_satisfaction").options
        for reply, write in zip(replies, (str.upper, str.lower, str.title), strict=False):
            (name,) = reply.scores
            reply.written[name] = write(labels[str(reply.scores[name])]["vi"])
        self._note(
            Mishap("odd_labels", self.short.survey_id, replies[0].serial, "", "labels in other case", mishaps.COUNTED)
        )

    def _answer(self, round_code: str, who: Sequence[Respondent], version: str) -> list[Reply]:
        days = self.short.rounds[round_code]
        length = (days.closes_on - days.opens_on).days
        replies = []
        for one in who:
            serial = next(self._serials)
            day = days.opens_on + timedelta(days=serial * 5 % (length + 1))
            reply = self.satisfied.fill(one, serial, day, version)
            replies.append(replace(reply, minutes=3.0))
        return replies

    # ---- who was invited ---------------------------------------------------------------------------------------------

    def _invite(self) -> None:
        """All firms that operate and all experts, in every round; managers and workers answer uninvited."""
        self.invited: list[Invitation] = []
        for round_code in (FIRST, SECOND):
            opens_on = self.form.rounds[round_code].opens_on
            firms = [firm for firm in self.firms.values() if firm.operates_on(opens_on)]
            self._invite_to("indicator_set", round_code, opens_on, firms, self.experts)
        opens_on = self.short.rounds["2025"].opens_on
        self._invite_to("satisfaction", "2025", opens_on, [one for one in self.firms.values() if one.number <= 50], [])

    def _note_uninvited(self) -> None:
        """Enterprises that answered and are on no list of their round, as one that has closed since."""
        asked: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        for survey_id, round_code, who in self.invited:
            if who.respondent_type == "enterprise":
                asked[survey_id, round_code].add(who.key)
        forms = {form.survey_id: form for form in (self.form, self.short)}
        replies = {reply.uuid: reply for file in self.files for reply in file.replies if reply.entry == 1}
        for reply in replies.values():
            keys = asked.get((reply.survey_id, round_of(forms, reply) or ""), set())
            is_firm = reply.respondent.respondent_type == "enterprise"
            if is_firm and not reply.refused and keys and reply.key not in keys:
                self._note(mishaps.uninvited(reply))

    def _invite_to(
        self, survey_id: str, round_code: str, day: date, firms: Sequence[Enterprise], experts: Sequence[Respondent]
    ) -> None:
        who = [*(make_firm(self.seed, firm, firm.tax_code_on(day)) for firm in firms), *experts]
        self.invited += [(survey_id, round_code, one) for one in who]
        names = {park.code: park.name for park in self.province.parks}
        labels = {"enterprise": "Doanh nghiệp", "expert": "Chuyên gia"}
        rows = [
            (survey_id, round_code, labels[one.respondent_type], one.identity, names.get(one.park_code or "", ""))
            for one in who
        ]
        self._file(f"invitations/moi_{survey_id}_{round_code}.csv", [], write_invitations(rows))


def _numbers(questionnaire: Questionnaire, row: dict) -> dict:
    """Of the first version scores are integers, later they are the texts of choices."""
    if row["__version__"] != V1 or questionnaire.survey_id != "indicator_set":
        return row
    groups = {one.group for one in questionnaire.of_role("rating")}
    return {
        name: int(value) if name.split("/")[0] in groups and isinstance(value, str) and value.isdigit() else value
        for name, value in row.items()
    }
