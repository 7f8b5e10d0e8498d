"""A nightly Dagster pipeline that turns industrial-park reports into one standardized indicator warehouse."""
