#!/bin/sh
# Certificates for an encrypted Dask: one authority, and one pair that scheduler, workers and flows share.
#   infra/dask-certificates.sh FOLDER [HOST...]     HOST: names or addresses of the scheduler and the workers
# Keep ca-key.pem off the machines: whoever has it can let himself in. Whoever has dask-key.pem can run code on
# the cluster. Valid for a year; run it again with the same folder for a new pair of the same authority.
set -eu
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"

if [ ! -f ca-key.pem ]; then
    openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=zeroescape Dask authority" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -keyout ca-key.pem -out ca.pem
fi

names="DNS:localhost,IP:127.0.0.1"
for host in "$@"; do
    case $host in
        *[!0-9.]*) names="$names,DNS:$host" ;;
        *) names="$names,IP:$host" ;;
    esac
done
cat > dask.cnf <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=$names
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
END
openssl req -newkey rsa:3072 -nodes -subj "/CN=zeroescape Dask" -keyout dask-key.pem -out dask.csr
openssl x509 -req -in dask.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 \
    -extfile dask.cnf -out dask.pem
rm dask.csr dask.cnf
