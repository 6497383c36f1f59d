# Sourced by the tests that compare with a real IoTDB. Needs $here (the test's folder), $levada, $home and $work.
#
#   fetch                       the server's jars, its client and a shim that keeps it on the loopback, into $home
#   opens                       what a JVM must be told for this server, in ${opens[@]}
#   sensors ROWS                $work/data with readings of five sensors in several sealed files
#   ours DATA SQL               the rows of our query, as the server's client prints them
#   agree WHAT QUERY EXPECTED FOUND   two files have the same rows, or the differences and failed=1
failed=0

fetch() {
  [ -d "$home/lib" ] || {
    rm -rf "$home/lib.part"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib.part" >"$home/fetch.log" 2>&1 ||
      { tail -n 20 "$home/fetch.log" >&2; exit 1; }
    mv "$home/lib.part" "$home/lib"
  }
  cc -shared -fPIC -O1 -o "$home/bind_loopback.so" "$here/../iotdb/bind_loopback.c" -ldl
  mkdir -p "$home/classes"
  javac -nowarn -cp "$home/lib/*" -d "$home/classes" "$here/Ask.java" 2> >(grep -v "^Note: " >&2)
}

opens=()
for package in java.util.concurrent java.util.concurrent.atomic java.lang java.util java.nio java.io java.net sun.nio.ch jdk.internal.ref; do
  opens+=("--add-opens=java.base/$package=ALL-UNNAMED")
done

sensors() {
  cat >"$work/sensors.yaml" <<Y
name: sensors
sources:
  plant:
    sensor: {device: "d{n}", devices: 5, rows: $1, start: 2026-05-01T00:00:00Z, seed: 7}
sinks:
  store:
    inputs: [plant]
    iotdb: {embedded: data, database: root.plant}
Y
  (cd "$work" && "$levada" run sensors.yaml --quiet 2>run.log)
}

ours() { "$levada" sql --data "$1" --zone UTC --format csv -e "$2" | tail -n +2; }

agree() {
  # The time of an aggregate of all rows is no column of ours.
  [[ $2 != *\(* ]] || sed -i 's/^0,//' "$3" "$4"
  if [ -s "$3" ] && cmp -s "$3" "$4"; then
    echo "ok    $1: $2: $(wc -l <"$4") rows"
  else
    echo "FAIL  $1: $2: $(wc -l <"$3") rows expected, $(wc -l <"$4") found (< expected, > found)"
    diff "$3" "$4" | head -n 10 || true
    failed=1
  fi
}
