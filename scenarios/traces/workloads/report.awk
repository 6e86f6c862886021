# Counts and sorts a log by fields, as reports on small systems are made (busybox awk).
{
    count[$2]++
    total[$3] += $4
    last[$3] = $0
    for (i = 5; i <= NF; i++) words[$i]++
    if (NR % 200 == 0) {
        text = ""
        for (name in total) text = text sprintf("%s=%d;", name, total[name])
        n = split(text, parts, ";")
        for (i = 1; i < n; i++) { sub(/device-/, "d", parts[i]); sum += length(toupper(parts[i])) }
    }
}
END { for (kind in count) print kind, count[kind]; print sum }
