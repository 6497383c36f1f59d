// What programs do with a client of IoTDB, each step checked. The script makes a version's source of it: lines marked with a
// version, as in /*0.13*/, are for that and later ones; package names are those of the version.
//
// usage: Client PORT DATABASE VERSION; with `restart` behind it, the connection is used before and after a line on standard input.
import org.apache.iotdb.isession.SessionDataSet;
import org.apache.iotdb.rpc.StatementExecutionException;
import org.apache.iotdb.session.Session;
import org.apache.iotdb.session.pool.SessionPool;
import org.apache.tsfile.enums.TSDataType;
import org.apache.tsfile.file.metadata.enums.CompressionType;
import org.apache.tsfile.file.metadata.enums.TSEncoding;
import org.apache.tsfile.read.common.Field;
import org.apache.tsfile.read.common.RowRecord;
import org.apache.tsfile.write.record.Tablet;
import org.apache.tsfile.write.schema.MeasurementSchema;
import java.util.*;
import java.util.concurrent.*;

public class Client {
  static int port;
  static int steps = 0;

  static void check(String what, Object expected, Object found) throws Exception {
    if (!String.valueOf(expected).equals(String.valueOf(found)))
      throw new Exception(what + ": expected " + expected + ", found " + found);
    steps++;
  }

  interface Step { void run() throws Exception; }

  static void fails(String what, int code, Step step) throws Exception {
    try { step.run(); } catch (StatementExecutionException e) { check(what + ": " + e.getMessage(), code, e.getStatusCode()); return; }
    throw new Exception(what + " does not fail");
  }

  static List<String> rows(Session s, String sql) throws Exception {
    SessionDataSet ds = s.executeQueryStatement(sql);
    List<String> rows = read(ds);
    return rows;
  }

  static List<String> read(SessionDataSet ds) throws Exception {
    List<String> rows = new ArrayList<>();
    ds.setFetchSize(7);
    while (ds.hasNext()) {
      RowRecord r = ds.next();
      StringBuilder b = new StringBuilder().append(r.getTimestamp());
      for (Field f : r.getFields()) b.append(' ').append(f == null || f.getDataType() == null ? "null" : f.getStringValue());
      rows.add(b.toString());
    }
    ds.closeOperationHandle();
    return rows;
  }

  static Tablet tablet(String device, List<MeasurementSchema> schema, int rows) {
    return new Tablet(device, (List) schema, rows);
  }

  static void add(Tablet t, int row, long time, Object... values) throws Exception {
    t.addTimestamp(row, time);
    try { Tablet.class.getField("rowSize").setInt(t, row + 1); } catch (NoSuchFieldException e) { /* It counts by itself. */ }
    List<?> schema = t.getSchemas();
    for (int i = 0; i < values.length; i++) t.addValue("s" + i, row, values[i]);
  }

  static final TSDataType[] TYPES = {TSDataType.INT32, TSDataType.INT64, TSDataType.FLOAT, TSDataType.DOUBLE, TSDataType.BOOLEAN, TSDataType.TEXT};

  static List<MeasurementSchema> schema() {
    List<MeasurementSchema> schema = new ArrayList<>();
    for (int i = 0; i < TYPES.length; i++) schema.add(new MeasurementSchema("s" + i, TYPES[i]));
    return schema;
  }

  public static void main(String[] a) throws Exception {
    port = Integer.parseInt(a[0]);
    String db = a[1];
    if (a.length > 3) { restart(db); return; }
    for (boolean compact : new boolean[] {false, true}) all(db + (compact ? "c" : "b"), compact);
    pool(db + "p");
    System.out.println("ok    Java " + a[2] + ": " + steps + " steps");
    System.exit(0);
  }

  static void all(String db, boolean compact) throws Exception {
    Session s = new Session("127.0.0.1", port, "root", "root");
    s.setFetchSize(10);
    s.open(compact);
    s.setStorageGroup(db);
    s.createTimeseries(db + ".d0.s0", TSDataType.INT32, TSEncoding.RLE, CompressionType.SNAPPY);
    check("exists", true, s.checkTimeseriesExists(db + ".d0.s0"));
    check("is not there", false, s.checkTimeseriesExists(db + ".d0.zz"));
    fails("again", 503, () -> s.createTimeseries(db + ".d0.s0", TSDataType.INT32, TSEncoding.RLE, CompressionType.SNAPPY));
    List<String> names = new ArrayList<>();
    for (int i = 0; i < TYPES.length; i++) names.add("s" + i);
    List<TSDataType> types = Arrays.asList(TYPES);
    List<Object> values = Arrays.asList(1, 2L, 1.5f, 2.5, true, "text");
    s.insertRecord(db + ".d0", 1, names, types, values);
    s.insertRecord(db + ".d0", 2, Arrays.asList("s0", "s5"), Arrays.asList("5", "five"));
    s.insertRecords(Arrays.asList(db + ".d0", db + ".d1"), Arrays.asList(3L, 3L), Arrays.asList(names, names), Arrays.asList(types, types), Arrays.asList(values, values));
    s.insertRecordsOfOneDevice(db + ".d0", Arrays.asList(4L, 5L), Arrays.asList(names, names), Arrays.asList(types, types), Arrays.asList(values, values));
    String all = " from " + db + ".";
    check("records", "[1 1 2 1.5 2.5 true text, 2 5 null null null null five, 3 1 2 1.5 2.5 true text, 4 1 2 1.5 2.5 true text, 5 1 2 1.5 2.5 true text]", rows(s, "select s0, s1, s2, s3, s4, s5" + all + "d0"));
    check("another device", "[3 1]", rows(s, "select s0" + all + "d1"));
    tablets(s, db);
    check("count", "[0 1000 1000]", rows(s, "select count(s0), count(s5)" + all + "d2"));
    check("paging", 1000, rows(s, "select *" + all + "d2").size());
    check("windows", "[0 10, 500 10]", rows(s, "select count(s0)" + all + "d2 group by ([0, 1000), 10ms, 500ms)"));
    check("a name twice", "[7 7 7]", rows(s, "select s0, s0" + all + "d2 where time = 7"));
    check("by device", "[3 " + db + ".d1 1]", rows(s, "select s0" + all + "d1 align by device"));
    check("nothing", "[]", rows(s, "select s0" + all + "nowhere"));
    List<String> paths = Arrays.asList(db + ".d0.s0", db + ".d1.s0");
    check("raw", "[3 1 1, 4 1 null]", read(s.executeRawDataQuery(paths, 3, 5)));
    /*0.13*/ check("last", "[5 " + db + ".d0.s0 1 INT32]", read(s.executeLastDataQuery(paths, 4)));
    fails("syntax", 700, () -> s.executeQueryStatement("selct s0" + all + "d0"));
    fails("meaning", 701, () -> s.executeQueryStatement("select nonsense(s0)" + all + "d0"));
    fails("type", 507, () -> s.insertRecord(db + ".d0", 9, Arrays.asList("s0"), Arrays.asList(TSDataType.TEXT), Arrays.asList((Object) "x")));
    fails("path", 509, () -> s.insertRecord(db + "..d0", 9, Arrays.asList("s0"), Arrays.asList("1")));
    s.deleteData(Arrays.asList(db + ".d0.s0"), 1, 4);
    check("deleted", "[5 1]", rows(s, "select s0" + all + "d0"));
    s.deleteTimeseries(db + ".d0.s0");
    check("no series", false, s.checkTimeseriesExists(db + ".d0.s0"));
    s.executeNonQueryStatement("flush");
    s.setTimeZone("+08:00");
    s.executeNonQueryStatement("insert into " + db + ".z(time, s) values (1970-01-01T08:00:01, 1)");
    check("zone", "[1000 1.0]", rows(s, "select s" + all + "z"));
    s.deleteStorageGroup(db);
    check("no database", "[]", rows(s, "show timeseries " + db + ".**"));
    s.close();
    Session wrong = new Session("127.0.0.1", port, "root", "wrong");
    try { wrong.open(compact); throw new IllegalStateException("a wrong password opens a session"); }
    catch (IllegalStateException e) { throw e; } catch (Exception e) { steps++; }
  }

  static void tablets(Session s, String db) throws Exception {
    Tablet t = tablet(db + ".d2", schema(), 1000);
    for (int i = 0; i < 1000; i++) add(t, i, i, i, (long) i, i / 2f, i / 4.0, i % 2 == 0, bytes("t" + i));
    s.insertTablet(t);
    Map<String, Tablet> several = new HashMap<>();
    for (String d : new String[] {db + ".d3", db + ".d4"}) {
      Tablet each = tablet(d, schema(), 10);
      add(each, 0, 1, 1, 1L, 1f, 1.0, true, bytes("x"));
      several.put(d, each);
    }
    s.insertTablets(several);
    check("tablets", "[1 1 1 1.0 1.0 true x]", rows(s, "select s0, s1, s2, s3, s4, s5 from " + db + ".d4"));
    /*0.13*/ Tablet n = tablet(db + ".d5", schema(), 10);
    /*0.13*/ n.initBitMaps();
    /*0.13*/ add(n, 0, 1, 1, null, 1f, null, true, null);
    /*0.13*/ add(n, 1, 2, null, 2L, null, 2.0, null, bytes("y"));
    /*0.13*/ s.insertAlignedTablet(n);
    /*0.13*/ check("nulls", "[1 1 null 1.0 null true null, 2 null 2 null 2.0 null y]", rows(s, "select s0, s1, s2, s3, s4, s5 from " + db + ".d5"));
    /*0.13*/ fails("a new series that is not aligned", 609, () -> s.insertRecord(db + ".d5", 9, Arrays.asList("s9"), Arrays.asList(TSDataType.INT32), Arrays.asList((Object) 1)));
    /*1.3.3*/ types(s, db);
  }

  /*1.3.3*/ static void types(Session s, String db) throws Exception {
  /*1.3.3*/   List<TSDataType> types = Arrays.asList(TSDataType.DATE, TSDataType.TIMESTAMP, TSDataType.BLOB, TSDataType.STRING);
  /*1.3.3*/   List<Object> values = Arrays.asList(java.time.LocalDate.of(2024, 2, 29), 5L, new org.apache.tsfile.utils.Binary(new byte[] {1, (byte) 0xff}), "str");
  /*1.3.3*/   s.insertRecord(db + ".d6", 1, Arrays.asList("da", "ts", "bl", "st"), types, values);
  /*1.3.3*/   check("types", "[1 20240229 5 0x01ff str]", rows(s, "select da, ts, bl, st from " + db + ".d6"));
  /*1.3.3*/ }

  /** Older clients take texts as their own class. */
  static Object bytes(String text) throws Exception {
    return BINARY == null ? text : BINARY.newInstance(text);
  }

  static final java.lang.reflect.Constructor<?> BINARY = binary();

  static java.lang.reflect.Constructor<?> binary() {
    try { return Class.forName("org.apache.tsfile.utils.Binary").getConstructor(String.class); } catch (Exception e) { return null; }
  }

  static void pool(String db) throws Exception {
    SessionPool pool = new SessionPool("127.0.0.1", port, "root", "root", 8);
    ExecutorService threads = Executors.newFixedThreadPool(32);
    List<Future<?>> all = new ArrayList<>();
    for (int t = 0; t < 32; t++) {
      final String device = db + ".d" + t;
      all.add(threads.submit(() -> {
        for (int i = 0; i < 50; i++) pool.insertRecord(device, i, Arrays.asList("s"), Arrays.asList(TSDataType.INT32), Arrays.asList((Object) i));
        return null;
      }));
    }
    for (Future<?> each : all) each.get();
    threads.shutdown();
    Session s = new Session("127.0.0.1", port, "root", "root");
    s.open(false);
    long sum = 0;
    for (String row : rows(s, "select count(s) from " + db + ".** align by device")) sum += Long.parseLong(row.substring(row.lastIndexOf(' ') + 1));
    check("pool", 1600, sum);
    s.close();
    pool.close();
  }

  static void restart(String db) throws Exception {
    Session s = new Session("127.0.0.1", port, "root", "root");
    s.open(false);
    s.insertRecord(db + ".d0", 1, Arrays.asList("s0"), Arrays.asList("1"));
    System.out.println("READY");
    System.in.read();
    for (int i = 0; ; i++) {
      // The first call finds out that the connection has gone, and connects again.
      try { s.insertRecord(db + ".d0", 2, Arrays.asList("s0"), Arrays.asList("2")); break; } catch (Exception e) { if (i == 20) throw e; Thread.sleep(200); }
    }
    check("both", "[1 1.0, 2 2.0]", rows(s, "select s0 from " + db + ".d0"));
    System.out.println("ok    a session outlives a restart");
    System.exit(0);
  }
}
