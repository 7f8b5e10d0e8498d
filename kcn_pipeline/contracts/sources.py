"""The model of `data/sources.yaml`: which feeds there are, where each lies and how it arrives.

It must not hold a secret, nor read the environment: `${ENV_NAME}` stays as it is written until `landing` uses it. The
surprising fact: the kind of a feed is two words, `<topic>/<way>`; the topic names the landing asset that takes it, the
way names how the bytes come.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, urlsplit

import yaml
from pydantic import AfterValidator, Field, ValidationError

from kcn_pipeline.contracts.base import Contract, Name
from kcn_pipeline.contracts.documents import DocumentError, Place, read_document
from kcn_pipeline.contracts.errors import ContractError, Problem

#: How reports reached the board: over the network, or on paper and typed in. Indicator ID04 counts it.
Channel = Literal["electronic", "paper"]
FilesKind = Literal["enterprise_reports/files", "register/files", "published_figures/files", "survey/files"]
PortalKind = Literal["enterprise_reports/portal"]
StationFilesKind = Literal["monitoring/station_files"]
SensorThingsKind = Literal["monitoring/sensorthings"]
OpenAqKind = Literal["monitoring/openaq"]
KoboKind = Literal["survey/kobo"]

#: Topics whose payloads say who answered what: names, telephone numbers, signatures.
PERSONAL_TOPICS = frozenset({"survey"})

#: `${NAME}`: the value of an environment variable, put in when landing uses it.
ENV_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_SECRET_NAME = re.compile(r"(^|_|-)(token|password|passwd|passphrase|secret|key|connection_string)$", re.IGNORECASE)

#: A payload is one Parquet value, which cannot pass 2 GiB; 1,024 MB leaves room.
_Megabytes = Annotated[float, Field(gt=0, le=1024, allow_inf_nan=False)]
_Count = Annotated[int, Field(gt=0)]
_Seconds = Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]


def _split(url: str) -> SplitResult:
    """The parts of a URL; one that cannot be taken apart (a bracket left open) has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", url, "", "")


def _check_globs(include: tuple[str, ...]) -> tuple[str, ...]:
    for glob in include:
        if any("**" in part and part != "**" for part in glob.split("/")):
            raise ValueError(f"{glob!r} is no glob; ** stands alone between slashes, as in **/*.xlsx")
    return include


def _check_folders(pattern: str) -> str:
    """A pattern of dated folders: text, `{anything}` and %Y %y %m %d, of which a day can be told."""
    if not pattern:
        return pattern
    bare = re.sub(r"\{[^{}/]+\}", "", pattern)
    wrong = re.findall(r"%(?![YymdjB%]).?|[{}]|(?:^|/)\.\.?(?=/|$)", bare)
    if wrong:
        raise ValueError(f"{wrong[0]!r} cannot stand in it; write such as {{station}}/%Y/%m/%d")
    if "%d" not in bare and "%j" not in bare:
        raise ValueError("names no day; write such as {station}/%Y/%m/%d, or leave it out to list all folders")
    return pattern


Globs = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_globs)]


def _check_web_address(url: str) -> str:
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("is not a web address; write https://host/path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("holds a user name, a query or a fragment; leave only https://host/path")
    return url.rstrip("/")


WebAddress = Annotated[str, Field(min_length=1), AfterValidator(_check_web_address)]


def _check_form(uid: str) -> str:
    # It becomes a part of an address and of a payload's name.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", uid):
        raise ValueError("is no uid of a form; it stands in the form's address, as aBcD3fGh in …/#/forms/aBcD3fGh")
    return uid


def _check_forms(forms: tuple[str, ...]) -> tuple[str, ...]:
    if not forms:
        raise ValueError("names no form; list the uid of each, as it stands in the form's address")
    if len(set(forms)) < len(forms):
        raise ValueError("names a form twice; keep one")
    return forms


FormUids = Annotated[tuple[Annotated[str, AfterValidator(_check_form)], ...], AfterValidator(_check_forms)]


class _AnyFeed(Contract):
    id: Name
    kind: str
    url: Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]+$")]
    #: The largest payload taken, in MB of 1,000,000 bytes.
    max_file_mb: _Megabytes = 50
    channel: Channel = "electronic"

    @property
    def topic(self) -> str:
        """The part of the kind before `/`: the landing asset that takes the feed."""
        return self.kind.partition("/")[0]

    @property
    def way(self) -> str:
        """The part of the kind after `/`: how the bytes arrive."""
        return self.kind.partition("/")[2]

    @property
    def holds_personal_data(self) -> bool:
        """Whether the feed's payloads say who answered what."""
        return self.topic in PERSONAL_TOPICS


class FilesFeed(_AnyFeed):
    """A folder of files: any fsspec URL, or a path relative to the folder that holds the sources file."""

    kind: FilesKind
    #: Which files below the folder are the feed's, as globs; `**/` matches any number of folders, also none.
    include: Globs = ("**/*",)
    #: The most files that one night lands; the rest come the next night.
    max_files: _Count = 20_000
    #: What the fsspec file system needs beyond the URL, such as `username` and `password`.
    storage_options: dict[str, Any] = {}


class PortalFeed(_AnyFeed):
    """The report portal, as `kcn_pipeline/landing/portal.openapi.yaml` describes it; `url` ends before `/v1`."""

    kind: PortalKind
    url: WebAddress
    token: str
    page_size: Annotated[int, Field(gt=0, le=1000)] = 100
    timeout_s: _Seconds = 30
    max_pages: _Count = 1000


class StationFilesFeed(_AnyFeed):
    """The small text files of automatic stations: a folder, `ftp://`, `ftps://` or `sftp://`."""

    kind: StationFilesKind
    include: Globs = ("**/*.txt",)
    username: str = ""
    password: str = ""
    #: SFTP: the file of the private key, and the file of the hosts' keys; a host that is not in it is refused.
    private_key: str = ""
    known_hosts: str = ""
    #: Files changed longer ago are left alone; what a logger sends after an outage is new however old its readings.
    look_back_days: Annotated[int, Field(gt=0, le=4000)] = 3
    #: Where the folders of a day lie, such as `{station}/%Y/%m/%d`; then only folders of the days looked back on are
    #: listed, and how old a file is does not matter.
    folders: Annotated[str, AfterValidator(_check_folders)] = ""
    #: A file changed less long ago may still be being written; it waits for the next night.
    settle_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 60
    connections: Annotated[int, Field(gt=0, le=64)] = 8
    timeout_s: _Seconds = 30
    max_files: _Count = 100_000
    max_file_mb: _Megabytes = 1


class SensorThingsFeed(_AnyFeed):
    """An OGC SensorThings 1.1 service; `url` ends before `/v1.1`; its streams: contracts/monitoring/streams.yaml."""

    kind: SensorThingsKind
    url: WebAddress
    token: str = ""
    #: An OData filter on Datastreams such as `Thing/properties/owner eq 'KCN'`, for a service that serves others too.
    filter: str = ""
    look_back_days: Annotated[int, Field(gt=0, le=4000)] = 3
    page_size: Annotated[int, Field(gt=0, le=10_000)] = 1000
    timeout_s: _Seconds = 30
    max_pages: _Count = 1000


class OpenAqFeed(_AnyFeed):
    """The OpenAQ v3 service; `url` ends before `/v3`. What its sensors measure: contracts/monitoring/streams.yaml."""

    kind: OpenAqKind
    url: WebAddress = "https://api.openaq.org"
    api_key: str
    #: The ids of the sensors asked for.
    sensors: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]
    look_back_days: Annotated[int, Field(gt=0, le=4000)] = 3
    page_size: Annotated[int, Field(gt=0, le=1000)] = 1000
    timeout_s: _Seconds = 30
    max_pages: _Count = 1000
    requests_per_minute: _Count = 60


class KoboFeed(_AnyFeed):
    """Forms of a KoboToolbox server (API v2); `url` ends before `/api`. What they ask: contracts/surveys."""

    kind: KoboKind
    url: WebAddress
    token: str
    #: The uids of the forms asked for.
    forms: FormUids
    #: KoboToolbox gives at most 1,000 submissions at a time, whatever it is asked for.
    page_size: Annotated[int, Field(gt=0, le=1000)] = 1000
    timeout_s: _Seconds = 60
    max_pages: _Count = 1000


Feed = FilesFeed | PortalFeed | StationFilesFeed | SensorThingsFeed | OpenAqFeed | KoboFeed

_MODELS: dict[str, type[Feed]] = {
    **dict.fromkeys(get_args(FilesKind), FilesFeed),
    **dict.fromkeys(get_args(PortalKind), PortalFeed),
    **dict.fromkeys(get_args(StationFilesKind), StationFilesFeed),
    **dict.fromkeys(get_args(SensorThingsKind), SensorThingsFeed),
    **dict.fromkeys(get_args(OpenAqKind), OpenAqFeed),
    **dict.fromkeys(get_args(KoboKind), KoboFeed),
}


def load_sources(path: Path) -> tuple[Feed, ...]:
    """Read the feeds of a sources file, in the order of the file; raises ContractError with every problem in it."""
    raw, lines = _read_yaml(path)
    if not isinstance(raw, list) or not raw:
        raise ContractError([Problem(str(path), "", "holds no list of feeds; write `- id: …`, `kind: …`, `url: …`")])
    feeds: list[Feed] = []
    found: list[tuple[Place, str]] = []
    for number, entry in enumerate(raw):
        feed, problems = _check_feed(entry)
        found += [((number, *place), reason) for place, reason in problems]
        if feed is not None:
            feeds.append(feed)
    found += _repeated_ids(raw)
    if found:
        raise ContractError(
            Problem(str(path), _name_place(raw, place), reason, _line_of(lines, place)) for place, reason in found
        )
    return tuple(feeds)


def _check_feed(entry: Any) -> tuple[Feed | None, list[tuple[Place, str]]]:
    """The feed of one entry of the file, and what is wrong with it (place inside the entry, reason)."""
    if not isinstance(entry, dict):
        return None, [((), "is not a feed; write `id`, `kind` and `url` as keys with values")]
    model = _MODELS.get(str(entry.get("kind")))
    if model is None:
        reason = "is missing" if "kind" not in entry else f"{entry['kind']!r} is unknown"
        return None, [(("kind",), f"{reason}; the kinds are {', '.join(_MODELS)}")]
    entry = {str(key): value for key, value in entry.items()}
    problems = list(_literal_secrets(entry))
    try:
        feed = model.model_validate_json(json.dumps(entry, default=str))
    except ValidationError as error:
        return None, problems + [(tuple(e["loc"]), _say(e, model)) for e in error.errors(include_input=False)]
    return feed, problems


def _say(error: Any, model: type[Contract]) -> str:
    """A reason in plain words; never repeats the value, which may be a secret in the wrong place."""
    if error["type"] == "extra_forbidden":
        return f"is unknown; the keys are {', '.join(model.model_fields)}"
    if error["type"] == "missing":
        return "is missing"
    if tuple(error["loc"]) == ("id",):
        return "must be lower-case letters, digits and _, and start with a letter, for example board_inbox"
    message: str = error["msg"]
    return message.removeprefix("Value error, ")


def _repeated_ids(raw: list[Any]) -> list[tuple[Place, str]]:
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in raw]
    return [
        ((number, "id"), f"{name!r} is the id of an earlier feed too; give each its own")
        for number, name in enumerate(ids)
        if name is not None and name in ids[:number]
    ]


# ---- secrets ---------------------------------------------------------------------------------------------------------


def _literal_secrets(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every secret that stands in the file itself, and every `${…}` that names no variable."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _literal_secrets(inner, (*place, str(key)))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _literal_secrets(inner, (*place, number))
    elif value is not None and value != "":
        text = str(value)
        if "${" in ENV_REFERENCE.sub("", text):
            yield place, "holds a ${…} that names no environment variable; write ${NAME}"
        elif _is_secret_name(place) and not ENV_REFERENCE.search(text):
            yield place, "holds a secret in plain text; write ${NAME} and set the environment variable NAME"
        elif place == ("url",) and _has_literal_secret(text):
            yield place, "holds a password in plain text; write ${NAME} in its place"


def _is_secret_name(place: Place) -> bool:
    return bool(place) and bool(_SECRET_NAME.search(str(place[-1])))


def _has_literal_secret(url: str) -> bool:
    """Whether the user part or the query of a URL holds a secret that is not a `${NAME}`."""
    parts = _split(url)
    user, _, _ = parts.netloc.rpartition("@")
    password = user.partition(":")[2]
    queried = [value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)]
    return any(secret and not ENV_REFERENCE.search(secret) for secret in (password, *queried))


# ---- the file and its lines ------------------------------------------------------------------------------------------


def _read_yaml(path: Path) -> tuple[Any, dict[Place, int]]:
    """The content of a YAML file and the line of every place in it; raises ContractError when it cannot be read."""
    try:
        document = read_document(path)
    except FileNotFoundError:
        raise ContractError([Problem(str(path), "", "does not exist; KCN_SOURCES says where it lies")]) from None
    except OSError as error:
        raise ContractError([Problem(str(path), "", f"cannot be read: {error}")]) from None
    except DocumentError as error:
        raise ContractError([Problem(str(path), "", error.reason, error.line)]) from None
    if document.repeated:
        raise ContractError(
            Problem(str(path), _name_place(document.content, place), "is written twice; keep one", line)
            for place, line in document.repeated
        )
    lines: dict[Place, int] = {}
    if document.root is not None:
        _collect_lines(document.root, (), lines)
    return document.content, lines


def _collect_lines(node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    """Note the line of every place below a node."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            _collect_lines(child, (*place, number), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            inner = (*place, str(key.value))
            lines[inner] = key.start_mark.line + 1
            _collect_lines(child, inner, lines)


def _line_of(lines: dict[Place, int], place: Place) -> int | None:
    """The line of a place, or of the nearest place around it that is in the file (a missing key has no line)."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place)


def _name_place(raw: Any, place: Place) -> str:
    """A place as people say it: `board_inbox.storage_options.password`, or `feed 2.url` for a feed without an id."""
    if not place:
        return ""
    number, *rest = place
    entry = raw[number] if isinstance(raw, list) and isinstance(number, int) else None
    name = entry.get("id") if isinstance(entry, dict) else None
    first = name if isinstance(name, str) and name else f"feed {number + 1}" if isinstance(number, int) else number
    return ".".join(str(part) for part in (first, *rest))
