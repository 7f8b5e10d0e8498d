-- Audience: data engineers and officers who watch what was refused and why
-- Grain: night × kind × source × table × rule × severity. The only mart that reads the audit_ tables, because what it
--   counts lies nowhere else; all others read dim_ and fct_ only.
-- Columns:
--   night: the night
--   kind: finding (things found by a rule) · quarantined_rows (rows refused, all rules) · quarantined_by_rule (a row that
--     breaks two rules counts under both) · payloads_landed · payloads_rejected · payload_rows (rows read from payloads)
--   source, table_name, rule, severity: what was counted; empty where the kind has no such thing
--   row_count: how many; of refused readings of stations only the first of each rule are listed and counted here, the
--     finding quarantine_shortened says how many more the lake holds
CREATE VIEW mart_data_quality AS
SELECT
    f.night,
    'finding' AS kind,
    f.source,
    f.table_name,
    f.rule,
    f.severity,
    COUNT(*) AS row_count
FROM audit_finding f
GROUP BY f.night, f.source, f.table_name, f.rule, f.severity
UNION ALL
SELECT
    q.night,
    'quarantined_rows',
    NULL,
    q.table_name,
    NULL,
    NULL,
    COUNT(*)
FROM audit_quarantine q
GROUP BY q.night, q.table_name
UNION ALL
SELECT
    q.night,
    'quarantined_by_rule',
    NULL,
    q.table_name,
    r.rule,
    r.severity,
    COUNT(*)
FROM audit_quarantine q
JOIN (SELECT DISTINCT rule, severity FROM audit_finding) r
    ON REPLACE('; ' || q.rules || '; ', '; ' || r.rule || '; ', '') <> '; ' || q.rules || '; '
GROUP BY q.night, q.table_name, r.rule, r.severity
UNION ALL
SELECT
    p.night,
    'payloads_' || p.status,
    p.source,
    NULL,
    NULL,
    NULL,
    COUNT(*)
FROM audit_payload p
GROUP BY p.night, p.source, p.status
UNION ALL
SELECT
    p.night,
    'payload_rows',
    p.source,
    NULL,
    NULL,
    NULL,
    COALESCE(SUM(p.rows), 0)
FROM audit_payload p
GROUP BY p.night, p.source
