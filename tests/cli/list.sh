# What smh list names, and that every small scenario is valid.
"$SMH" list engines; "$SMH" list policies; "$SMH" list scenarios "$DATA/small"; "$SMH" check "$DATA"/small/*.json
