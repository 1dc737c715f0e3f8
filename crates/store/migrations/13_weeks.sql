-- What profiles had in whole weeks, which begin on Mondays, UTC: who had most in a month, and how much of a quota is used, is
-- asked of all profiles at once, and would have to be added up from every day of each.
CREATE TABLE usage_weeks (
    -- When it begins, in minutes since 1970.
    at BIGINT NOT NULL,
    -- One that tells apart profiles, and no more.
    series BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    permitted BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    -- NULL for none.
    s5 BIGINT,
    PRIMARY KEY (at, series)
) WITHOUT ROWID;

-- 1970 began on a Thursday, after 4,320 minutes of a week of 10,080: its first Monday was after 5,760.
INSERT INTO usage_weeks (at, series, requests, permitted, bytes_in, bytes_out, s5)
SELECT at - (at + 4320) % 10080, series, SUM(requests), SUM(permitted), SUM(bytes_in), SUM(bytes_out), SUM(s5)
FROM usage_sums WHERE unit = 2 AND scope = 1 AND at >= 5760 GROUP BY at - (at + 4320) % 10080, series;
