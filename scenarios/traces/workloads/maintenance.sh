# What a router's start-up and maintenance scripts do, for busybox sh; no external command.
config="" ; count=0
load_option() {
    local section="$1" name="$2" value="$3"
    eval "config_${section}_${name}=\"\$value\""
    config="$config $section.$name"
    count=$((count + 1))
}
split_address() {
    local IFS=.
    set -- $1
    echo "$(($1 * 16777216 + $2 * 65536 + $3 * 256 + $4))"
}
i=0
while [ $i -lt 120 ]; do
    load_option "interface$((i % 12))" "option$((i / 12))" "value $i of a longer text, with words"
    i=$((i + 1))
done
round=0
while [ $round -lt 60 ]; do
    total=0
    for key in $config; do
        section="${key%%.*}"
        name="${key#*.}"
        eval "value=\"\$config_${section}_${name}\""
        case "$value" in
        *"value 1"*) total=$((total + ${#value})) ;;
        *text*) total=$((total + 1)) ;;
        esac
    done
    for host in 1 2 3 4 5 6 7 8; do
        while read -r field rest; do
            [ "$field" = "address" ] && address="$rest"
        done <<END
name host-$host-$round
address 10.0.$round.$host
END
        split_address "$address" >/dev/null
    done
    round=$((round + 1))
done
echo "$count $total"
