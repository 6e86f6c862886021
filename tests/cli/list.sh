"$SMH" list engines; "$SMH" list policies; "$SMH" list scenarios "$DATA/small"; "$SMH" check "$DATA"/small/*.json
