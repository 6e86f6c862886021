#!/bin/sh
# Lines that a script's event loop reads, one every 10 ms: "SERIAL KIND DEVICE VALUE TEXT".
# Usage: events.sh COUNT
i=0
while [ $i -lt "${1:-800}" ]; do
    case $((i * 7919 % 13)) in
    0 | 1) kind=alarm ;;
    2) kind=config ;;
    3 | 4 | 5) kind=query ;;
    *) kind=reading ;;
    esac
    echo "$i $kind device-$((i * 104729 % 61)) $((i * 15485863 % 100003)) the $((i % 17))th text of $((i % 5)) words"
    sleep 0.01
    i=$((i + 1))
done
