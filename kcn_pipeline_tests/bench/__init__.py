"""The benchmarks: what the pipeline costs, measured against bare libraries or against itself in the same run.

It must not hold a test of correctness; a benchmark only makes sure that it did what it says. The surprising fact: times
are always ratios, because on a shared machine seconds tell more about the neighbours than about the code.

`staging_3000_forms_vs_bare_read` ≤ 3
    Packs → Parquet of 1,500 workbooks with two forms each (A.III.1 and BN.01 of one quarter), against opening the same
    files with python-calamine and reading every cell. One process, imports warm and caches empty.
`definitions_load` ≤ 2
    `import kcn_pipeline.definitions` against `import dagster`, each in a fresh process, without the start of Python.
`idle_night_vs_bare_import` ≤ 3
    The process `kcn refresh` on a night with nothing new after six quarters of 60 enterprises, against the process
    `python -c "import dagster, pandas, great_expectations"`.
`night_3000_enterprises_memory` ≤ 700 MB
    The most memory of the process of a night that lands the register and the quarter of 3,000 enterprises.
`growth_1_vs_20_quarters` ≤ 1.5
    The process of the night that brings the next quarter of 150 enterprises, on top of 20 quarters against on top of 1.
`station_files_staged_vs_bare_read` ≤ 2.2
    A pack of a day of 100 stations × 288 files → sorted Parquet, against open, read and close of the files; with it the
    bytes of a staged reading (≤ 4 with its accepted copy, see `lake_bytes_per_reading`).
`monitoring_day`
    `monitoring_arrival_vs_bare_read` ≤ 5: landing, staging and quarantine of that day. `monitoring_path_vs_bare_read`
    ≤ 15: land → warehouse as a process, less the bare import of dagster, pandas and great_expectations.
    `monitoring_staging_vs_pandas` ≤ 0.05: pack → Parquet against pandas.read_csv per file. `monitoring_night_memory`
    ≤ 700 MB: the whole process `kcn refresh`. `lake_bytes_per_reading` ≤ 4: all tables of the lake, a file with two
    names once.
`monitoring_year`
    84 million readings: seconds per million from Parquet to hours and days in the engine ≤ 0.2, memory of a backfill
    ≤ 2 GiB, five late days against the year ≤ 0.05.
`surveys`
    `surveys_10000_vs_json_loads` ≤ 12: 10,000 responses × 70 indicators × 4 criteria staged, validated and rated,
    against json.loads of the same pages. `surveys_10000_memory` ≤ 1024 MB: a process that does it.
`sftp_file_at_20_ms` ≤ 1000 / 300, `ftp_file_at_20_ms` ≤ 10
    Milliseconds a file at 20 ms round trip.

A ratio is the median over pairs measured in turn. Lines whose name has a second part, as `definitions_load.dagster`,
are the seconds a ratio is made of (the median of each side) and have no target.
"""
