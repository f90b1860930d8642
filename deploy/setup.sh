#!/bin/sh
# Runs before the other services: creates secrets and sample data if they are missing. Running it again changes nothing.
#   /secrets/mongo   every secret, for mongod and the accounts job;  /secrets/engine  only the loader's password
set -eu
umask 077
MONGO_USER=999:999 # the user of the mongo image

# secret NAME LENGTH: takes the user's own file, else the one of an earlier start, else random letters and digits
secret() {
    own=/deploy/secrets/$1 file=/secrets/mongo/$1
    if [ -s "$own" ]; then cat "$own" >"$file"; fi
    if [ ! -s "$file" ]; then tr -dc A-Za-z0-9 </dev/urandom | head -c "$2" >"$file"; fi
}

[ -s /secrets/mongo/keyfile ] || secret keyfile 128
[ -s /secrets/mongo/root ] || secret root 32 # MongoDB keeps it from the first start on; the accounts job needs it to change the others
secret loader 32
secret reader 32
cat /secrets/mongo/loader >/secrets/engine/loader
for file in accounts.js roles.json; do
    cat "/deploy/$file" >"/secrets/mongo/$file" # a copy, because in a private clone only the owner may read the original
done
chown -R "$MONGO_USER" /secrets/mongo
chown -R "$ENGINE_USER" /secrets/engine "$ENGINE_HOME"

# Like `make run`: the file appears in data/ and belongs to the owner of that folder.
sample=data/healthcare_dataset.csv
if [ -z "${SOURCE:-}" ] && [ ! -e "$sample" ] && [ -e data/generate.py ]; then
    (umask 022 && python data/generate.py)
    chown --reference=data "$sample"
fi
