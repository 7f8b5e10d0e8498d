"""The commands that only look: original bytes, fingerprint, catalog, and what is made of the catalog.

It must not change lake or warehouse. The surprising fact: `kcn catalog propose` changes no catalog either; it writes a
file and a diff beside it, and the board decides.
"""

import argparse
import sys

from kcn_pipeline.contracts import load_contracts
from kcn_pipeline.settings import Settings

_PERSONAL = (
    "This payload holds personal data: who answered, with names, phones or addresses. Do not pass it on, and delete the"
    " copy after use (Personal Data Protection Law, in force since 2026-01-01).\nTệp này chứa dữ liệu cá nhân; không"
    " chuyển cho người khác và xóa bản sao sau khi dùng."
)


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Give the original bytes of a payload; warn of personal data in it."""
    from kcn_pipeline.lake import Lake
    from kcn_pipeline.landing import find_payloads, read_content

    found = find_payloads(Lake(settings.data_dir), options.payload)
    if not found:
        print(f"no landed payload has the sha256 or name {options.payload!r}", file=sys.stderr)
        return 1
    if len({one.receipt.sha256 for one in found}) > 1:
        print(f"{len(found)} payloads match; say which by sha256:", file=sys.stderr)
        for one in found:
            print(
                f"  {one.receipt.sha256[:16]}  {one.night}  {one.receipt.source}  {one.receipt.name}", file=sys.stderr
            )
        return 1
    content = read_content(found[-1])
    if found[-1].holds_personal_data:
        receipt = found[-1].receipt
        # Messages call it by its sha256; here somebody has asked for it, and has to find it in its folder.
        print(f"{_PERSONAL}\n{receipt.source}: {receipt.name}", file=sys.stderr)
    if options.out:
        try:
            options.out.write_bytes(content)
        except OSError as error:
            print(f"cannot write {options.out}: {error.strerror or error}; name another file", file=sys.stderr)
            return 1
    else:
        sys.stdout.buffer.write(content)
    return 0


def digest(options: argparse.Namespace, settings: Settings) -> int:
    """Print the fingerprint of the warehouse."""
    from kcn_pipeline.warehouse import compute_digest

    print(compute_digest(settings.warehouse_url))
    return 0


def catalog(options: argparse.Namespace, settings: Settings) -> int:
    """Print the indicators as a table."""
    contracts = load_contracts(settings.contracts)
    rows = [
        (i.code, i.name.vi, i.name.en, i.dimension, i.unit, "/".join(i.frequencies), "/".join(i.levels), i.status)
        for i in contracts.indicators.values()
    ]
    head = ("code", "tên", "name", "dimension", "unit", "frequency", "levels", "status")
    if options.markdown:
        print("\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)))
        return 0
    widths = [min(40, max(len(row[at]) for row in (head, *rows))) for at in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell[:width].ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def propose(options: argparse.Namespace, settings: Settings) -> int:
    """Print the next catalog as a diff with reasons; write it where asked."""
    from kcn_pipeline.contracts.loader import PACKAGED
    from kcn_pipeline.contracts.proposal import propose_catalog
    from kcn_pipeline.warehouse import read_decisions

    layers = [folder / "indicators.yaml" for folder in (settings.contracts, PACKAGED) if folder]
    path = next(layer for layer in layers if layer.exists())
    assessed = read_decisions(settings.warehouse_url)
    proposal = propose_catalog(
        path.read_text("utf-8"), assessed.decisions, load_contracts(settings.contracts).catalog_version
    )
    print(proposal.diff, end="")
    said = [f"{assessed.survey_id} {assessed.round_code}: {len(proposal.changed)} indicators change in {path}"]
    if not assessed.is_closed:
        said.append(f"The round is open until {assessed.closes_on}; answers may still come.")
    if proposal.left:
        said.append(f"Left as they are, because their status was changed since: {', '.join(proposal.left)}")
    if options.out:
        try:
            options.out.write_text(proposal.text, "utf-8")
        except OSError as error:
            print(f"cannot write {options.out}: {error.strerror or error}; name another file", file=sys.stderr)
            return 1
        said.append(f"Version {proposal.version} is in {options.out}; nothing uses it until it lies in KCN_CONTRACTS.")
    print("\n".join(said), file=sys.stderr)
    return 0


def export_xlsform(options: argparse.Namespace, settings: Settings) -> int:
    """Write a survey as an XLSForm."""
    from kcn_pipeline.xlsform import write_xlsform

    contracts = load_contracts(settings.contracts)
    if options.survey not in contracts.surveys:
        print(f"no survey {options.survey!r}; there are {sorted(contracts.surveys)}", file=sys.stderr)
        return 1
    try:
        write_xlsform(contracts, options.survey, options.out)
    except OSError as error:
        print(f"cannot write {options.out}: {error.strerror or error}; name another file", file=sys.stderr)
        return 1
    return 0
