"""The benchmarks: what the pipeline costs, measured against bare libraries or against itself in the same run.

It must not hold a test of correctness; a benchmark only makes sure that it measured what it says. The surprising fact:
no figure is a bare time, because on a shared machine seconds tell more about the neighbours than about the code.

| figure | measured | against | target |
|---|---|---|---|
| `staging_3000_forms_vs_bare_read` | packs → Parquet of 1,500 workbooks with two forms each | reading their cells with python-calamine | ≤ 3 |
| `idle_night_vs_bare_import` | `kcn refresh` on a night with nothing new, the whole process | `import dagster, pandas, great_expectations` | ≤ 3 |
| `definitions_load` | `import kcn_pipeline.definitions` in a fresh process | `import dagster` | ≤ 2 |
| `night_3000_enterprises_memory` | most memory of a night in which 3,000 enterprises report a quarter | - | ≤ 700 MB |
| `growth_1_vs_20_quarters` | a new quarter of 150 enterprises on top of 20 quarters, the whole process | on top of 1 quarter | ≤ 1.5 |

Lines whose name has a second part (`definitions_load.seconds`) are what a figure was made from; they have no target.
"""
