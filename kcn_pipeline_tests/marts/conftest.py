from kcn_pipeline_tests.warehouse.databases import postgres_url, sqlite_url, warehouse_url

__all__ = ["postgres_url", "sqlite_url", "warehouse_url"]
