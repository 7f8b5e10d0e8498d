"""What `kcn refresh` says at its end: what is published, what was refused and why, who has not reported, what to do.

It must not count (that is `warehouse/summary.py`). The surprising fact: it is short on purpose; every line ends in a
table or command that tells the rest.
"""

from kcn_pipeline.settings import Settings
from kcn_pipeline.warehouse import NightSummary, read_summary, show_address

_OUTCOMES = {
    0: "published",
    1: "published, but something broke (see FAILED above)",
    2: "NOT published (see FAILED above); the warehouse is as it was",
}
_MOST_LINES = 8
_WORDS = {"accepted": "accepted", "superseded": "sent again", "quarantined": "quarantined"}


def write_summary(settings: Settings, night: str, code: int) -> str:
    """The summary of a night for the terminal."""
    lines = ["", f"Night {night}: {_OUTCOMES[code]}"]
    if code == 2:
        return "\n".join(lines)
    summary = read_summary(settings.warehouse_url, night)
    return "\n".join([*lines, *_numbers(summary), *_refused(summary), *_missing(summary), *_next(settings, summary)])


def _numbers(summary: NightSummary) -> list[str]:
    figures = sum(count for status, count in summary.values_by_status.items() if status not in "LMO")
    by_status = ", ".join(f"{status} {count:,}" for status, count in summary.values_by_status.items())
    payloads = ", ".join(f"{count:,} {status}" for status, count in summary.payloads.items()) or "nothing new"
    files = [f"  files           {payloads}"]
    if rows := summary.readings.get("rows"):
        told = ", ".join(f"{count:,} {_WORDS[name]}" for name, count in summary.readings.items() if name in _WORDS)
        files = [f"  files           {payloads}, beside those of stations", f"  readings        {rows:,}: {told}"]
    return [
        *files,
        f"  indicators      {figures:,} figures published of {sum(summary.values_by_status.values()):,} ({by_status})",
        f"  this night      {summary.changed_values:,} values new or changed, {summary.revisions:,} of them revisions",
    ]


def _refused(summary: NightSummary) -> list[str]:
    listed, total = sum(count for _, _, count in summary.quarantined), summary.quarantined_rows
    told = f", of which {listed:,} are listed" if listed < total else ""
    lines = [f"  quarantined     {total:,} rows this night{told}"]
    lines += [f"    {count:>6,}  {table}: {rules}" for table, rules, count in summary.quarantined[:_MOST_LINES]]
    if len(summary.quarantined) > _MOST_LINES:
        lines.append(f"            … and {len(summary.quarantined) - _MOST_LINES} other reasons")
    if listed < total:
        lines.append("            … and those left out: rule quarantine_shortened in audit_finding")
    return lines


def _missing(summary: NightSummary) -> list[str]:
    reports = ", ".join(f"{count:,} {status}" for status, count in summary.reports.items()) or "none expected yet"
    lines = [f"  reports         {reports}"]
    lines += [f"    {count:>6,}  missing: {form} of {period}" for period, form, count in summary.missing[:_MOST_LINES]]
    if len(summary.missing) > _MOST_LINES:
        lines.append(f"            … and {len(summary.missing) - _MOST_LINES} other forms and periods")
    return lines


def _next(settings: Settings, summary: NightSummary) -> list[str]:
    hints = ["  next            query mart_park_indicator; look at the runs: make dev (http://127.0.0.1:3000)"]
    if summary.quarantined:
        hints.append("                  why rows were refused: select * from audit_quarantine")
    if summary.missing:
        hints.append(
            "                  whom to chase: select * from mart_reporting_compliance where status = 'missing'"
        )
    return [f"  warehouse       {show_address(settings.warehouse_url)}", *hints]
