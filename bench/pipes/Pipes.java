import java.nio.file.*;
import java.util.*;
import java.util.concurrent.atomic.*;
import org.apache.iotdb.isession.SessionDataSet;
import org.apache.iotdb.session.Session;
import org.apache.tsfile.enums.TSDataType;
import org.apache.tsfile.write.record.Tablet;
import org.apache.tsfile.write.schema.*;

/**
 * Measures a pipe between two servers that speak the protocol of Apache IoTDB 2.0. The environment says where they are: SENDER and RECEIVER are
 * ports, SENDER_PIDS and RECEIVER_PIDS their processes. Values are 20 + 10 sin + noise with two decimals, of 10 devices with 10 DOUBLE each.
 */
public class Pipes {
  static final long FIRST = 1_700_000_000_000L;
  static final int DEVICES = 10, COLUMNS = 10, ROWS = 1000;
  static final int SENDER = port("SENDER"), RECEIVER = port("RECEIVER");

  static int port(String name) { return Integer.parseInt(System.getenv(name)); }

  static Session open(int port) throws Exception {
    Session session = new Session("127.0.0.1", port, "root", "root");
    session.open(false);
    return session;
  }

  static Session reopen(int port) throws Exception {
    for (long end = System.nanoTime() + 120_000_000_000L; ; ) {
      try { return open(port); } catch (Exception error) {
        if (System.nanoTime() > end) throw error;
        Thread.sleep(20);
      }
    }
  }

  static void run(Session session, String statement) throws Exception { session.executeNonQueryStatement(statement); }

  static void attempt(Session session, String statement) {
    try { run(session, statement); } catch (Exception error) { /* It runs already, or is not there. */ }
  }

  /** The sum of all numbers of an answer; -1 where there is none. */
  static long sum(Session session, String query) {
    try (SessionDataSet answer = session.executeQueryStatement(query)) {
      SessionDataSet.DataIterator rows = answer.iterator();
      int columns = rows.getColumnTypeList().size();
      long sum = 0;
      while (rows.next()) for (int column = 1; column <= columns; column++) sum += rows.getLong(column);
      return sum;
    } catch (Exception error) { return -1; }
  }

  /** Processor seconds of both servers until now. */
  static double cpu() { return cpu("SENDER_PIDS") + cpu("RECEIVER_PIDS"); }

  /** Processor seconds of one end until now, or of this client, whose name is empty. */
  static double cpu(String pids) {
    double ticks = 0;
    for (String pid : (pids.isEmpty() ? "self" : System.getenv(pids)).trim().split(" +")) {
      try {
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        ticks += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
      } catch (Exception error) { /* It is gone. */ }
    }
    return ticks / 100;
  }

  /** Waits until the servers do next to nothing. */
  static void quiet() throws Exception {
    for (int tries = 0; tries < 60; tries++) {
      double before = cpu();
      Thread.sleep(1000);
      if (cpu() - before < 0.1) return;
    }
  }

  static long mix(long x) {
    x = (x ^ x >>> 33) * 0xff51afd7ed558ccdL;
    x = (x ^ x >>> 33) * 0xc4ceb9fe1a85ec53L;
    return x ^ x >>> 33;
  }

  static double value(int device, int column, int row) {
    double noise = ((mix(device * 1000003L + column * 7919L + row) >>> 11) / (double) (1L << 53) - 0.5) * 0.2;
    return Math.round((20 + 10 * Math.sin(row / 1000.0) + noise) * 100) / 100.0;
  }

  static double[][][] values(int rows) {
    double[][][] all = new double[DEVICES][COLUMNS][rows];
    for (int device = 0; device < DEVICES; device++)
      for (int column = 0; column < COLUMNS; column++)
        for (int row = 0; row < rows; row++) all[device][column][row] = value(device, column, row);
    return all;
  }

  static Tablet tablet(String database, double[][][] all, int device, int from) {
    List<IMeasurementSchema> schema = new ArrayList<>();
    for (int column = 0; column < COLUMNS; column++) schema.add(new MeasurementSchema("s" + column, TSDataType.DOUBLE));
    Tablet tablet = new Tablet(database + ".d" + device, schema, ROWS);
    for (int row = 0; row < ROWS; row++) tablet.addTimestamp(row, FIRST + (from + row) * 1000L);
    for (int column = 0; column < COLUMNS; column++)
      System.arraycopy(all[device][column], from, tablet.getValues()[column], 0, ROWS);
    tablet.setRowSize(ROWS);
    tablet.setBitMaps(null);
    return tablet;
  }

  /** Writes all, by so many sessions; seconds until the last answer. A tablet whose server is away is written again. */
  static double write(String database, double[][][] all, int threads, long pauseMs) throws Exception {
    int rows = all[0][0].length;
    Session[] sessions = new Session[threads];
    for (int at = 0; at < threads; at++) sessions[at] = open(SENDER);
    Thread[] writers = new Thread[threads];
    long began = System.nanoTime();
    for (int at = 0; at < threads; at++) {
      int own = at;
      writers[at] = new Thread(() -> {
        for (int from = 0; from < rows; from += ROWS)
          for (int device = own; device < DEVICES; device += threads) {
            Tablet tablet = tablet(database, all, device, from);
            while (true)
              try {
                if (sessions[own] == null) sessions[own] = reopen(SENDER);
                sessions[own].insertTablet(tablet, true);
                break;
              } catch (Exception error) { sessions[own] = null; }
            if (pauseMs > 0) try { Thread.sleep(pauseMs); } catch (InterruptedException error) { return; }
          }
      });
      writers[at].start();
    }
    for (Thread writer : writers) writer.join();
    double seconds = (System.nanoTime() - began) / 1e9;
    for (Session session : sessions) if (session != null) session.close();
    return seconds;
  }

  /** Waits until the receiver has so many values, and says when that was. */
  static long await(String database, long points, double most) throws Exception {
    Session receiver = reopen(RECEIVER);
    for (long end = System.nanoTime() + (long) (most * 1e9); System.nanoTime() < end; ) {
      long found = sum(receiver, "select count(s0) from " + database + ".*");
      if (found < 0) receiver = reopen(RECEIVER);
      if (found == points / COLUMNS && sum(receiver, "select count(*) from " + database + ".**") == points) {
        long now = System.nanoTime();
        receiver.close();
        return now;
      }
      Thread.sleep(5);
    }
    throw new Exception("the receiver has " + sum(receiver, "select count(*) from " + database + ".**") + " of " + points);
  }

  /** Each value at both ends, as one number. */
  static long digest(int port, String database) throws Exception {
    Session session = open(port);
    long digest = 0;
    for (int device = 0; device < DEVICES; device++) {
      String query = "select s0,s1,s2,s3,s4,s5,s6,s7,s8,s9 from " + database + ".d" + device;
      try (SessionDataSet answer = session.executeQueryStatement(query)) {
        SessionDataSet.DataIterator rows = answer.iterator();
        long of = device;
        while (rows.next()) {
          of = mix(of ^ rows.getLong(1));
          for (int column = 2; column <= COLUMNS + 1; column++)
            of = mix(of * 31 + (rows.isNull(column) ? 1 : Double.doubleToLongBits(rows.getDouble(column))));
        }
        digest ^= of;
      }
    }
    session.close();
    return digest;
  }

  static void compare(String database) throws Exception {
    if (digest(SENDER, database) != digest(RECEIVER, database)) throw new Exception("the ends differ in " + database);
  }

  static void begin(Session sender, String name, String source) throws Exception {
    run(sender, "create pipe " + name + " with source (" + source + ") with sink ('sink'='iotdb-thrift-sink','node-urls'='127.0.0.1:" + RECEIVER + "')");
    attempt(sender, "start pipe " + name);
  }

  static void forget(String... databases) throws Exception {
    for (int port : new int[] {SENDER, RECEIVER}) {
      Session session = open(port);
      for (String database : databases) attempt(session, "delete database " + database);
      session.close();
    }
  }

  static void say(String format, Object... values) { System.out.printf(Locale.ROOT, format + "%n", values); }

  /** What is stored: round after round, so that later ones meet warm programs. */
  static void history(long points, int rounds) throws Exception {
    double[][][] all = values((int) (points / DEVICES / COLUMNS));
    for (int round = 1; round <= rounds; round++) {
      String database = "root.h" + round;
      write(database, all, 2, 0);
      Session sender = open(SENDER);
      run(sender, "flush");
      quiet();
      double worked = cpu();
      long began = System.nanoTime();
      begin(sender, "history" + round, "'path'='" + database + ".**'");
      double seconds = (await(database, points, 600) - began) / 1e9;
      worked = cpu() - worked;
      say("history, round %d: %d values in %.2f s, %.2fM/s, %.2f CPU-seconds of both ends, %.1fM for each", round, points, seconds, points / seconds / 1e6, worked, points / worked / 1e6);
      compare(database);
      run(sender, "drop pipe history" + round);
      sender.close();
      forget(database);
    }
  }

  /** What is written at full speed, with a pipe and without, in turn. */
  static void live(long points, int rounds, int threads, int flushMs) throws Exception {
    double[][][] all = values((int) (points / DEVICES / COLUMNS));
    for (int round = 0; round < 2 * rounds; round++) {
      boolean pipe = round % 2 == 1;
      String database = "root.l" + round;
      Session sender = open(SENDER);
      if (pipe) begin(sender, "live" + round, "'path'='" + database + ".**'");
      Thread.sleep(1000);
      AtomicBoolean over = new AtomicBoolean();
      Thread flushes = new Thread(() -> {
        try {
          Session session = open(SENDER);
          while (flushMs > 0 && !over.get()) { Thread.sleep(flushMs); run(session, "flush"); }
          session.close();
        } catch (Exception error) { say("a flush failed: %s", error.getMessage()); }
      });
      flushes.start();
      double ofSender = cpu("SENDER_PIDS"), ofReceiver = cpu("RECEIVER_PIDS"), ofClient = cpu("");
      double seconds = write(database, all, threads, 0);
      long written = System.nanoTime();
      double wroteSender = cpu("SENDER_PIDS") - ofSender, wroteReceiver = cpu("RECEIVER_PIDS") - ofReceiver, wroteClient = cpu("") - ofClient;
      String behind = "";
      if (pipe) {
        AtomicLong there = new AtomicLong();
        there.set(await(database, points, 600));
        behind = String.format(Locale.ROOT, "; all there %.3f s after the last answer", (there.get() - written) / 1e9);
      }
      over.set(true);
      flushes.join();
      say("live, %s: %.2fM values/s; CPU-seconds until the last answer: sender %.2f, receiver %.2f, client %.2f%s", pipe ? "with a pipe" : "without", points / seconds / 1e6,
        wroteSender, wroteReceiver, wroteClient, behind);
      if (pipe) { compare(database); run(sender, "drop pipe live" + round); }
      sender.close();
      forget(database);
      quiet();
    }
  }

  /** One row at a time, from its acknowledgement until the receiver shows it. */
  static void row(int count, int everyMs) throws Exception {
    Session sender = open(SENDER), receiver = open(RECEIVER);
    begin(sender, "row", "'path'='root.r.**'");
    List<String> names = List.of("s0");
    List<TSDataType> types = List.of(TSDataType.DOUBLE);
    double[] waits = new double[count];
    for (int at = -20; at < count; at++) {
      sender.insertRecord("root.r.d", FIRST + at, names, types, List.<Object>of((double) at));
      long acknowledged = System.nanoTime();
      while (sum(receiver, "select count(s0) from root.r.d where time = " + (FIRST + at)) != 1)
        if (System.nanoTime() - acknowledged > 60_000_000_000L) { say("one row: not there after 60 s"); return; }
      if (at >= 0) waits[at] = (System.nanoTime() - acknowledged) / 1e6;
      Thread.sleep(everyMs);
    }
    Arrays.sort(waits);
    say("one row: %.1f ms at the median, %.1f ms at p99, %.1f ms at most", waits[count / 2], waits[count * 99 / 100], waits[count - 1]);
    run(sender, "drop pipe row");
    sender.close();
    receiver.close();
    forget("root.r");
  }

  /** What is stored, and 100,000 values a second that are written from the pipe's start on: how old is the newest of them that the receiver lacks? */
  static void both(long points, int seconds) throws Exception {
    double[][][] all = values((int) (points / DEVICES / COLUMNS)), fresh = values(seconds * 1000);
    write("root.b1", all, 2, 0);
    Session sender = open(SENDER), receiver = open(RECEIVER);
    run(sender, "flush");
    quiet();
    long[] acknowledged = new long[seconds * 10];
    AtomicInteger written = new AtomicInteger();
    long began = System.nanoTime();
    begin(sender, "both", "'path'='root.b*.**'");
    Thread writer = new Thread(() -> {
      try {
        Session session = open(SENDER);
        for (int at = 0; at < acknowledged.length; at++) {
          session.insertTablet(tablet("root.b2", fresh, at % DEVICES, at / DEVICES * ROWS), true);
          acknowledged[at] = System.nanoTime();
          written.incrementAndGet();
          long left = began + (at + 1) * 100_000_000L - System.nanoTime();
          if (left > 0) Thread.sleep(left / 1_000_000);
        }
      } catch (Exception error) { say("writing failed: %s", error.getMessage()); }
    });
    writer.start();
    double most = 0, last = 0, since = 0;
    for (int seen = 0; seen < acknowledged.length; ) {
      long found = sum(receiver, "select count(s0) from root.b2.*");
      seen = (int) (Math.max(found, 0) / ROWS);
      long now = System.nanoTime();
      double lag = seen < written.get() ? (now - acknowledged[seen]) / 1e9 : 0;
      most = Math.max(most, lag);
      if (lag >= 1) { last = lag; since = (now - began) / 1e9; }
      Thread.sleep(10);
    }
    writer.join();
    await("root.b1", points, 60);
    say("%d values stored and 100,000/s written: behind by %.3f s at most; under 1 s for good after %.2f s", points, most, since);
    compare("root.b1");
    compare("root.b2");
    run(sender, "drop pipe both");
    sender.close();
    receiver.close();
    forget("root.b1", "root.b2");
  }

  /** An end is killed amid live values by a command that returns when it answers again: how long from then until all is there? */
  static void kill(String which, long points, String command) throws Exception {
    double[][][] all = values((int) (points / DEVICES / COLUMNS));
    String database = "root.k" + which;
    Session sender = open(SENDER);
    begin(sender, "kill", "'path'='" + database + ".**'");
    sender.close();
    long[] back = new long[1];
    Thread killer = new Thread(() -> {
      try {
        Thread.sleep(1500);
        new ProcessBuilder("bash", "-c", command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor();
        back[0] = System.nanoTime();
      } catch (Exception error) { say("the kill failed: %s", error.getMessage()); }
    });
    killer.start();
    write(database, all, 1, 3);
    long written = System.nanoTime();
    killer.join();
    long there = await(database, points, 600);
    say("%s killed -9: all there %.2f s after it answers again and all is written", which, (there - Math.max(back[0], written)) / 1e9);
    compare(database);
    sender = reopen(SENDER);
    run(sender, "drop pipe kill");
    sender.close();
    forget(database);
  }

  public static void main(String[] arguments) throws Exception {
    long number = Long.parseLong(arguments[1]);
    switch (arguments[0]) {
      case "history" -> history(number, Integer.parseInt(arguments[2]));
      case "live" -> live(number, Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]), Integer.parseInt(arguments[4]));
      case "row" -> row((int) number, Integer.parseInt(arguments[2]));
      case "both" -> both(number, Integer.parseInt(arguments[2]));
      case "kill" -> kill(arguments[2], number, arguments[3]);
      default -> throw new Exception("history, live, row, both or kill");
    }
    System.exit(0);
  }
}
