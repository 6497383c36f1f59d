#!/usr/bin/env bash
# Programs written for Apache IoTDB against `levada serve`: its Python clients of 2.0 and 0.13, its Java clients of 0.12, 0.13, 1.3
# and 2.0, its JDBC drivers of 0.13 and 2.0, unchanged from their package registries. Schema, all types, nulls, aligned devices, paging, codes of errors, both
# protocols, a pool under 32 threads, a session over a restart of the server; kill -9 under load loses nothing acknowledged; the newest
# of each kind over TLS.
#
# Needs cargo, openssl, python3 with venv, a JDK of version 17 with mvn. What it installs goes to ${LEVADA_REAL_HOME:-target/real}.
# LEVADA is the binary; target/debug/levada unless given.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/real/clients
levada=$(realpath "${LEVADA:-target/debug/levada}")
home=${LEVADA_REAL_HOME:-target/real}/clients
mkdir -p "$home"
home=$(cd "$home" && pwd)
port=${LEVADA_CLIENTS_PORT:-26690} work=$home/work
pid=

stop() { # signal
  [ -n "$pid" ] || return 0
  kill "-$1" "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  pid=
}
trap 'stop KILL' EXIT

start() {
  "$levada" serve --data "$work/data" --rpc "127.0.0.1:$port" "$@" >>"$work/serve.log" 2>&1 &
  pid=$!
  for _ in $(seq 1 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$work/serve.log" >&2; exit 1; }
    sleep 0.1
  done
  echo "the server does not answer on port $port" >&2
  exit 1
}

ask() { "$levada" sql --node "127.0.0.1:$port" --format csv -e "$1"; }

python() { # package version, other packages
  local venv=$home/python-$1
  [ -x "$venv/ready" ] || {
    python3 -m venv "$venv"
    "$venv/bin/pip" -q install "apache-iotdb==$1" "${@:2}"
    ln -sf bin/python "$venv/ready"
  }
  "$venv/bin/python" "$here/client.py" "$port" "root.python${1//./}" "$1" 2>"$work/python-$1.log" ||
    { tail -n 20 "$work/python-$1.log" >&2; exit 1; }
}

jars() { # artifact version folder
  [ -d "$3/lib" ] || {
    rm -rf "$3/lib.part"
    mvn -q -B -f "$here/pom.xml" -Dartifact="$1" -Dsession="$2" dependency:copy-dependencies -DoutputDirectory="$3/lib.part" \
      >"$work/fetch.log" 2>&1 || { tail -n 20 "$work/fetch.log" >&2; exit 1; }
    mv "$3/lib.part" "$3/lib"
  }
}

jdbc() { # version
  local folder=$home/jdbc-$1
  jars iotdb-jdbc "$1" "$folder"
  rm -rf "$folder/classes"
  mkdir -p "$folder/classes"
  javac -nowarn -cp "$folder/lib/*" -d "$folder/classes" "$here/Jdbc.java"
  java -cp "$folder/classes:$folder/lib/*" Jdbc "$port" "root.jdbc${1//./}" "$1" 2>"$work/jdbc-$1.log" |
    grep --line-buffered -vE 'DEBUG|WARN|INFO' || { tail -n 20 "$work/jdbc-$1.log" >&2; exit 1; }
}

java_client() { # version: its jars, and a program for it
  local version=$1 folder=$home/java-$1 without none='$^'
  jars iotdb-session "$version" "$folder"
  case $version in 0.12*) without='0\.13|1\.3\.3' ;; 0.13*) without='1\.3\.3' ;; *) without=$none ;; esac
  rm -rf "$folder/classes"
  mkdir -p "$folder/classes"
  grep -vE "/\*($without)\*/" "$here/Client.java" >"$folder/classes/Client.java"
  [[ $version != 0.* ]] || sed -i 's/org\.apache\.tsfile\.enums/org.apache.tsfile.file.metadata.enums/
    s/org\.apache\.tsfile/org.apache.iotdb.tsfile/g
    s/org\.apache\.iotdb\.isession\.SessionDataSet/org.apache.iotdb.session.SessionDataSet/' "$folder/classes/Client.java"
  javac -nowarn -cp "$folder/lib/*" -d "$folder/classes" "$folder/classes/Client.java" 2> >(grep -v '^Note: ' >&2)
}

java_run() { # version, arguments
  java -cp "$home/java-$1/classes:$home/java-$1/lib/*" Client "$port" "${@:2}" 2>"$work/java-$1.log" |
    grep --line-buffered -vE 'DEBUG|WARN|INFO' || { tail -n 20 "$work/java-$1.log" >&2; exit 1; }
}

rm -rf "$work"
mkdir -p "$work/data/ext/udf"
cp examples/udf/rust/example_functions.wasm "$work/data/ext/udf"
start
python 2.0.11
python 0.13.5 'numpy<2'
for version in 0.12.6 0.13.4 1.3.3 2.0.5; do
  java_client "$version"
  java_run "$version" "root.java${version//./}" "$version"
done
# The registry has no driver of 1.x.
for version in 0.13.4 2.0.5; do
  jdbc "$version"
done

# A session over a restart.
coproc RESTARTED { java_run 2.0.5 root.restarted 2.0.5 restart; }
restarted=$RESTARTED_PID
exec {from}<&"${RESTARTED[0]}" {to}>&"${RESTARTED[1]}"
read -r ready <&"$from"
[ "$ready" = READY ] || { echo "expected READY, found $ready" >&2; exit 1; }
stop TERM
start
echo >&"$to"
cat <&"$from"
wait "$restarted"

# Every row that was acknowledged is there after kill -9.
for round in 1 2 3; do
  clients=()
  rm -f "$work"/load-*
  for client in 1 2 3 4 5 6 7 8; do
    "$home/python-2.0.11/bin/python" "$here/load.py" "$port" "root.kill.r$round.c$client" >"$work/load-$client" 2>/dev/null &
    clients+=($!)
  done
  for client in 1 2 3 4 5 6 7 8; do
    for _ in $(seq 1 600); do
      [ "$(wc -l <"$work/load-$client" 2>/dev/null || echo 0)" -gt $((10 * round)) ] && break
      sleep 0.1
    done
  done
  stop KILL
  wait "${clients[@]}" 2>/dev/null || true
  start
  for client in 1 2 3 4 5 6 7 8; do
    acknowledged=$(tail -n 1 "$work/load-$client")
    found=$(ask "select count(s0) from root.kill.r$round.c$client" | tail -n 1 | tr -d '\r')
    [ "${acknowledged:-0}" -gt 0 ] && [[ $found =~ ^[0-9]+$ ]] && [ "$found" -ge "$acknowledged" ] ||
      { echo "FAIL  kill -9: $acknowledged rows were acknowledged to client $client, and $found are there" >&2; exit 1; }
  done
done
echo "ok    kill -9: every acknowledged row is there, three times"
stop TERM

# Over TLS, with an authority of this test.
(
  cd "$work"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=mountain" -keyout ca.key -out ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=server" -keyout server.key -out server.csr
  printf 'subjectAltName=IP:127.0.0.1\n' >server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem
  keytool -importcert -noprompt -alias ca -file ca.pem -keystore trust.jks -storetype JKS -storepass mountain-water
) >"$work/certificates.log" 2>&1 || { tail -n 20 "$work/certificates.log" >&2; exit 1; }
start --tls-cert "$work/server.pem" --tls-key "$work/server.key"
"$home/python-2.0.11/bin/python" "$here/tls.py" "$port" "$work/ca.pem" 2>"$work/tls-python.log" ||
  { tail -n 20 "$work/tls-python.log" >&2; exit 1; }
javac -nowarn -cp "$home/java-2.0.5/lib/*" -d "$home/java-2.0.5/classes" "$here/Tls.java"
java -cp "$home/java-2.0.5/classes:$home/java-2.0.5/lib/*" Tls "$port" "$work/trust.jks" mountain-water 2>"$work/tls-java.log" |
  grep --line-buffered -vE 'DEBUG|WARN|INFO' || { tail -n 20 "$work/tls-java.log" >&2; exit 1; }
found=$("$levada" sql --node "127.0.0.1:$port" --tls-ca "$work/ca.pem" --format csv -e "select s from root.tls.*" | tail -n 1 | tr -d '\r')
[ "$found" = 1,5,5 ] || { echo "FAIL  over TLS: expected 1,5,5, found $found" >&2; exit 1; }
stop TERM
