#!/bin/sh
# Feeds an SQL shell what a data logger would: batches of readings, queries, retention, every 20 ms.
# Usage: telemetry.sql.sh | sqlite3 FILE
cat <<'SQL'
PRAGMA page_size=1024; PRAGMA cache_size=160; PRAGMA journal_mode=MEMORY;
CREATE TABLE sensor(id INTEGER PRIMARY KEY, name TEXT UNIQUE, unit TEXT, place TEXT);
CREATE TABLE reading(time INTEGER, sensor INTEGER REFERENCES sensor(id), value REAL, note TEXT);
CREATE INDEX reading_sensor ON reading(sensor, time);
CREATE VIEW latest AS SELECT name, unit, max(time), value FROM reading JOIN sensor ON sensor = id GROUP BY name;
SQL
i=0
while [ $i -lt 40 ]; do
    echo "INSERT INTO sensor VALUES($i, 'sensor-$i', 'unit $((i % 5))', 'room $((i % 7)), shelf $((i % 3))');"
    i=$((i + 1))
done
batch=0
while [ $batch -lt 400 ]; do
    echo "BEGIN;"
    i=0
    while [ $i -lt 16 ]; do
        n=$((batch * 16 + i))
        echo "INSERT INTO reading VALUES($n, $((n * 7919 % 40)), $((n * 104729 % 10007)) / 10.0, 'note $((n % 100)) of batch $batch');"
        i=$((i + 1))
    done
    echo "COMMIT;"
    case $((batch % 10)) in
    3) echo "SELECT name, avg(value), max(value), count(*) FROM reading JOIN sensor ON sensor = id WHERE time > $((batch * 16 - 800)) GROUP BY name ORDER BY avg(value) DESC;" ;;
    5) echo "SELECT * FROM latest WHERE name LIKE 'sensor-1%';" ;;
    7) echo "SELECT group_concat(note, ',') FROM (SELECT note FROM reading WHERE sensor = $((batch % 40)) ORDER BY value LIMIT 40);" ;;
    8) echo "SELECT json_group_array(json_object('t', time, 'v', value)) FROM (SELECT * FROM reading ORDER BY time DESC LIMIT 60);" ;;
    9) echo "DELETE FROM reading WHERE time < $((batch * 16 - 2400));" ;;
    esac
    if [ $((batch % 100)) -eq 99 ]; then
        echo "VACUUM; ANALYZE;"
    fi
    sleep 0.02
    batch=$((batch + 1))
done
