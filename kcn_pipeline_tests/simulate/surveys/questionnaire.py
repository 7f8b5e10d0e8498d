"""The questionnaires as they are printed: which questions there are, what they are called, how answers are labelled.

It must not import the package; names, labels and choices are read as plain YAML. The surprising fact: the questions on
indicators are made here once more from the catalog's names, so that a form that asks something else is noticed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

#: The contracts of the package, read as data.
CONTRACTS = Path(__file__).parents[3] / "kcn_pipeline" / "contracts"

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One question as it is asked. `options` are labels by code; `group` is the part of the form that holds it."""

    name: str
    role: str
    kind: str
    label: Labels
    group: str = ""
    options: Mapping[str, Labels] = field(default_factory=dict)
    indicator_code: str | None = None
    criterion: str | None = None
    measure: str | None = None
    #: Who is asked; everybody when empty.
    respondent_types: tuple[str, ...] = ()
    key_of: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The name with its group, as a server writes it."""
        return f"{self.group}/{self.name}" if self.group else self.name

    @property
    def is_counted(self) -> bool:
        """Whether the answer is a score."""
        return self.role in ("rating", "measure")


@dataclass(frozen=True)
class Round:
    """The days of a round, both included, and the period its answers speak of."""

    code: str
    opens_on: Any
    closes_on: Any
    period: str


@dataclass(frozen=True)
class Questionnaire:
    """One survey: its rounds, the ids of its forms, and its questions in their order."""

    survey_id: str
    kind: str
    title: Labels
    rounds: Mapping[str, Round]
    forms: tuple[str, ...]
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """The question of that name; raises KeyError."""
        return {one.name: one for one in self.fields}[name]

    def of_role(self, role: str) -> list[Field]:
        """The questions of a role."""
        return [one for one in self.fields if one.role == role]

    def asked(self, respondent_type: str) -> list[Field]:
        """The questions put to a type."""
        return [one for one in self.fields if not one.respondent_types or respondent_type in one.respondent_types]


@cache
def read_yaml(path: Path) -> Any:
    """A document of the contracts."""
    return yaml.safe_load(path.read_text("utf-8"))


def read_questionnaire(survey_id: str) -> Questionnaire:
    """The questionnaire of that survey, rating questions included."""
    said = read_yaml(CONTRACTS / "surveys" / f"{survey_id}.yaml")
    fields = [_field(one, said["respondent_types"]) for one in said["questions"]]
    rounds = {str(one["round"]): _round(one) for one in said["rounds"]}
    return Questionnaire(
        survey_id, said["kind"], said["title"], rounds, tuple(said["forms"]), (*fields, *_rating_fields(said))
    )


def read_indicators() -> list[dict[str, Any]]:
    """The indicators of the catalog as they are written, but the retired."""
    listed = read_yaml(CONTRACTS / "indicators.yaml")["indicators"]
    return [one for one in listed if one["status"] != "retired"]


def read_scale(name: str) -> dict[str, Labels]:
    """Labels by point of a scale."""
    scales = read_yaml(CONTRACTS / "ratings" / "scales.yaml")["scales"]
    (scale,) = [one for one in scales if one["name"] == name]
    return {str(point["value"]): point["label"] for point in scale["points"]}


def read_thresholds() -> dict[str, Any]:
    """The thresholds that hold today, by name."""
    return {one["name"]: one["value"] for one in read_yaml(CONTRACTS / "ratings" / "thresholds.yaml")["thresholds"]}


def _round(said: Mapping[str, Any]) -> Round:
    return Round(str(said["round"]), said["opens_on"], said["closes_on"], str(said["period"]))


def _field(said: Mapping[str, Any], everybody: list[str]) -> Field:
    options = {one["code"]: one["label"] for one in said.get("choices", ())}
    if said["role"] == "park":
        parks = read_yaml(CONTRACTS / "parks.yaml")["parks"]
        options = {one["park_code"]: {"vi": one["name_vi"], "en": one["name_vi"]} for one in parks}
    elif "scale" in said:
        options = read_scale(said["scale"])
    return Field(
        name=said["name"],
        role=said["role"],
        kind=said["kind"],
        label=said["label"],
        group="thong_tin" if said["role"] in ("respondent_type", "key", "identity", "park") else "",
        options=options,
        measure=said.get("measure"),
        respondent_types=tuple(said.get("respondent_types", everybody)),
        key_of=tuple(said.get("key_of", ())),
    )


def _rating_fields(said: Mapping[str, Any]) -> list[Field]:
    """A question for each indicator and criterion, and one for a comment, the indicators in their order."""
    block = said.get("ratings")
    if block is None:
        return []
    criteria = {one["name"]: one["label"] for one in read_yaml(CONTRACTS / "ratings" / "criteria.yaml")["criteria"]}
    options, types = read_scale(block["scale"]), tuple(block["respondent_types"])
    fields = []
    for indicator in read_indicators():
        code, name, group = indicator["code"], indicator["name"], indicator["dimension"]
        for criterion in block["criteria"]:
            label = {one: f"[{code}] {name[one]} – {criteria[criterion][one]}" for one in ("vi", "en")}
            own = f"{code.lower()}_{criterion}"
            fields.append(Field(own, "rating", "select_one", label, group, options, code, criterion, None, types))
        label = {"vi": f"[{code}] {name['vi']} – Ý kiến", "en": f"[{code}] {name['en']} – Comment"}
        fields.append(Field(f"{code.lower()}_comment", "comment", "text", label, group, {}, code, None, None, types))
    return fields
