// What programs do with IoTDB's JDBC driver, each step checked.
//
// usage: Jdbc PORT DATABASE VERSION
import java.sql.*;
import java.util.*;

public class Jdbc {
  static int steps = 0;

  static void check(String what, Object expected, Object found) throws Exception {
    if (!String.valueOf(expected).equals(String.valueOf(found)))
      throw new Exception(what + ": expected " + expected + ", found " + found);
    steps++;
  }

  interface Step { void run() throws Exception; }

  /** The driver hands on the server's code before its words, newer ones as the code of the exception too. */
  static void fails(String what, int code, Step step) throws Exception {
    try { step.run(); }
    catch (SQLException e) {
      String said = String.valueOf(e.getMessage());
      check(what + ": " + said, true, e.getErrorCode() == code || said.startsWith(code + ": "));
      return;
    }
    throw new Exception(what + " does not fail");
  }

  static List<String> rows(ResultSet from) throws Exception {
    List<String> rows = new ArrayList<>();
    int columns = from.getMetaData().getColumnCount();
    while (from.next()) {
      StringJoiner row = new StringJoiner(" ");
      for (int at = 1; at <= columns; at++) row.add(String.valueOf(from.getString(at)));
      rows.add(row.toString());
    }
    from.close();
    return rows;
  }

  static List<String> rows(Statement with, String sql) throws Exception { return rows(with.executeQuery(sql)); }

  public static void main(String[] a) throws Exception {
    Class.forName("org.apache.iotdb.jdbc.IoTDBDriver");
    String url = "jdbc:iotdb://127.0.0.1:" + a[0] + "/", db = a[1], version = a[2];
    try (Connection connection = DriverManager.getConnection(url, "root", "root")) {
      statements(connection, db);
      prepared(connection, db);
      metadata(connection, db, version);
      errors(connection, db);
      connection.createStatement().execute("delete database " + db);
      check("open", false, connection.isClosed());
    }
    Properties wrong = new Properties();
    wrong.put("user", "root");
    wrong.put("password", "wrong");
    try { DriverManager.getConnection(url, wrong); throw new IllegalStateException("a wrong password connects"); }
    catch (SQLException e) { steps++; }
    System.out.println("ok    JDBC " + version + ": " + steps + " steps");
    System.exit(0);
  }

  static void statements(Connection connection, String db) throws Exception {
    Statement s = connection.createStatement();
    s.setFetchSize(7);
    check("no rows", false, s.execute("create database " + db));
    s.execute("create timeseries " + db + ".d.i INT32");
    s.execute("create timeseries " + db + ".d.l INT64");
    s.execute("create timeseries " + db + ".d.f FLOAT");
    s.execute("create timeseries " + db + ".d.d DOUBLE");
    s.execute("create timeseries " + db + ".d.b BOOLEAN");
    s.execute("create timeseries " + db + ".d.t TEXT");
    for (int at = 1; at <= 100; at++)
      s.addBatch("insert into " + db + ".d(time, i, l, f, d, b, t) values (" + at + ", " + at + ", " + at * 10L + ", 1.5, 2.5, true, 'text " + at + "')");
    int[] done = s.executeBatch();
    check("batch", 100, done.length);
    s.clearBatch();
    s.execute("insert into " + db + ".d(time, i) values (200, 5)");
    String from = " from " + db + ".d";
    check("paging", 101, rows(s, "select i, t" + from).size());
    check("all types", "[7 7 70 1.5 2.5 true text 7]", rows(s, "select i, l, f, d, b, t" + from + " where time = 7"));
    check("nulls", "[200 5 null]", rows(s, "select i, t" + from + " where time = 200"));
    ResultSet typed = s.executeQuery("select i, l, f, d, b, t" + from + " where time = 3");
    check("a row", true, typed.next());
    check("time", 3L, typed.getLong(1));
    check("INT32", 3, typed.getInt(2));
    check("INT64", 30L, typed.getLong(3));
    check("FLOAT", 1.5f, typed.getFloat(4));
    check("DOUBLE", 2.5, typed.getDouble(5));
    check("BOOLEAN", true, typed.getBoolean(6));
    check("TEXT by name", "text 3", typed.getString(db + ".d.t"));
    check("one row", false, typed.next());
    typed.close();
    check("count", "[101 100]", rows(s, "select count(i), count(t)" + from));
    check("windows", "[0 9, 50 10]", rows(s, "select count(i)" + from + " group by ([0, 100), 10ms, 50ms)"));
    check("by device", "[1 " + db + ".d 1]", rows(s, "select i" + from + " where time = 1 align by device"));
    check("last", "[200 " + db + ".d.i 5 INT32]", rows(s, "select last i" + from));
    check("nothing", "[]", rows(s, "select i" + from + " where time = 5000"));
    s.close();
  }

  static void prepared(Connection connection, String db) throws Exception {
    PreparedStatement p = connection.prepareStatement("insert into " + db + ".p(time, i, d, t, b) values (?, ?, ?, ?, ?)");
    for (int at = 1; at <= 3; at++) {
      p.setLong(1, at);
      p.setInt(2, at * 2);
      p.setDouble(3, at / 2.0);
      p.setString(4, "'it is " + at + "'");
      p.setBoolean(5, at % 2 == 0);
      p.execute();
    }
    p.close();
    PreparedStatement asked = connection.prepareStatement("select i, d, b from " + db + ".p where time >= ? and i < ?");
    asked.setLong(1, 2);
    asked.setInt(2, 6);
    check("prepared", "[2 4.0 1.0 true]", rows(asked.executeQuery()));
    asked.close();
  }

  static void metadata(Connection connection, String db, String version) throws Exception {
    Statement s = connection.createStatement();
    ResultSet of = s.executeQuery("select i, d, b from " + db + ".p");
    ResultSetMetaData columns = of.getMetaData();
    List<String> names = new ArrayList<>();
    for (int at = 1; at <= columns.getColumnCount(); at++) names.add(columns.getColumnLabel(at) + " " + columns.getColumnTypeName(at));
    check("columns", "[Time " + (version.startsWith("0.") ? "TIME" : "TIMESTAMP") + ", " + db + ".p.i DOUBLE, " + db + ".p.d DOUBLE, " + db + ".p.b BOOLEAN]", names);
    of.close();
    DatabaseMetaData about = connection.getMetaData();
    check("product", "IoTDB", about.getDatabaseProductName());
    check("has a version", true, about.getDatabaseProductVersion().length() > 0);
    check("URL", true, about.getURL() == null || about.getURL().startsWith("jdbc:iotdb:"));
    check("databases", true, rows(s, "show databases").toString().contains(db));
    check("devices", 2, rows(s, "show devices " + db + ".**").size());
    check("series", 10, rows(s, "show timeseries " + db + ".**").size());
    check("count", "[10]", rows(s, "count timeseries " + db + ".**"));
    s.close();
  }

  static void errors(Connection connection, String db) throws Exception {
    Statement s = connection.createStatement();
    fails("syntax", 700, () -> s.execute("selct i from " + db + ".d"));
    fails("meaning", 701, () -> s.executeQuery("select nonsense(i) from " + db + ".d"));
    fails("again", 501, () -> s.execute("create database " + db));
    fails("no such user", 804, () -> s.execute("drop user nobody_at_all"));
    s.close();
  }
}
