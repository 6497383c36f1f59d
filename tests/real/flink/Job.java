import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;
import org.apache.flink.streaming.api.functions.source.RichParallelSourceFunction;
import org.apache.iotdb.flink.*;
import org.apache.iotdb.flink.options.*;
import org.apache.iotdb.tsfile.file.metadata.enums.*;
import org.apache.iotdb.tsfile.read.common.*;

/**
 * What programs do with IoTDB's connector for Flink, each step checked: rows of every type of its time by both kinds of
 * serialization, one at a time and in batches, by several tasks; all of them read by its source; errors as the job's.
 *
 * usage: Job PORT DATABASE ROWS
 */
public final class Job {
  private static final int DEVICES = 4, TASKS = 2;
  private static final String[] NAMES = {"i", "l", "f", "d", "b", "t"};
  private static final TSDataType[] TYPES = {
    TSDataType.INT32, TSDataType.INT64, TSDataType.FLOAT, TSDataType.DOUBLE, TSDataType.BOOLEAN, TSDataType.TEXT
  };
  private static int port, steps;

  static void check(String what, Object expected, Object found) {
    if (!String.valueOf(expected).equals(String.valueOf(found)))
      throw new AssertionError(what + ": expected " + expected + ", found " + found);
    steps++;
  }

  /** A row's values; some rows lack some, and one is text with what texts are quoted with. */
  static Object[] values(int n) {
    Object[] all = {n - 50, n * 10_000_000_000L + 1, n / 4f, n / 8.0, n % 3 == 0, n % 7 == 0 ? "it's \"" + n + "\", ä" : "t" + n};
    if (n % 5 == 0) all[n / 5 % all.length] = null;
    return all;
  }

  static String line(int n) {
    StringBuilder line = new StringBuilder().append(n);
    for (Object value : values(n)) line.append(' ').append(value);
    return line.toString();
  }

  /** The rows by number, as many tasks share them. */
  static final class Numbers extends RichParallelSourceFunction<Integer> {
    private final int rows;

    Numbers(int rows) { this.rows = rows; }

    @Override
    public void run(SourceContext<Integer> to) {
      int step = getRuntimeContext().getNumberOfParallelSubtasks();
      for (int n = getRuntimeContext().getIndexOfThisSubtask(); n < rows; n += step) to.collect(n);
    }

    @Override
    public void cancel() {}
  }

  static String device(String database, int n) { return database + ".d" + n % DEVICES; }

  static final class Events implements IoTSerializationSchema<Integer> {
    private final String database;

    Events(String database) { this.database = database; }

    @Override
    public Event serialize(Integer n) {
      List<String> names = new ArrayList<>();
      List<TSDataType> types = new ArrayList<>();
      List<Object> values = new ArrayList<>();
      Object[] all = values(n);
      for (int at = 0; at < all.length; at++) {
        if (all[at] == null) continue;
        names.add(NAMES[at]);
        types.add(TYPES[at]);
        values.add(all[at]);
      }
      return new Event(device(database, n), (long) n, names, types, values);
    }
  }

  static StreamExecutionEnvironment flink(int tasks) {
    StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(tasks, new Configuration());
    flink.setRestartStrategy(RestartStrategies.noRestart());
    return flink;
  }

  static IoTDBSinkOptions options(String database, IoTDBSinkOptions.TimeseriesOption... series) {
    return new IoTDBSinkOptions("127.0.0.1", port, "root", "root", database, Arrays.asList(series));
  }

  static void write(String database, int rows, int batch) throws Exception {
    StreamExecutionEnvironment flink = flink(TASKS);
    flink.addSource(new Numbers(rows)).addSink(new IoTDBSink<>(options(database), new Events(database)).withBatchSize(batch));
    flink.execute();
  }

  private static final Map<String, Queue<String>> READ = new ConcurrentHashMap<>();

  /** A row as one line, null where it has no value. */
  static final class Rows extends IoTDBSource<String> {
    Rows(String sql, int fetch) { super(new IoTDBSourceOptions("127.0.0.1", port, "root", "root", sql, fetch)); }

    @Override
    public String convert(RowRecord row) {
      StringBuilder line = new StringBuilder().append(row.getTimestamp());
      for (Field field : row.getFields())
        line.append(' ').append(field == null || field.getDataType() == null ? "null" : field.getStringValue());
      return line.toString();
    }
  }

  private static final AtomicInteger QUERIES = new AtomicInteger();

  /** What a query gives, by the connector's source and a sink that collects. */
  static List<String> read(String sql, int fetch) throws Exception {
    String query = "q" + QUERIES.incrementAndGet();
    READ.put(query, new java.util.concurrent.ConcurrentLinkedQueue<>());
    StreamExecutionEnvironment flink = flink(1);
    flink.addSource(new Rows(sql, fetch)).returns(String.class).addSink(new SinkFunction<String>() {
      @Override
      public void invoke(String line, Context context) { READ.get(query).add(line); }
    });
    flink.execute();
    return new ArrayList<>(READ.remove(query));
  }

  static String selected(String database, int device) { return "select i, l, f, d, b, t from " + database + ".d" + device; }

  static void everyRow(String what, String database, int rows) throws Exception {
    for (int device = 0; device < DEVICES; device++) {
      List<String> expected = new ArrayList<>();
      for (int n = device; n < rows; n += DEVICES) expected.add(line(n));
      check(what + ", device " + device, expected, read(selected(database, device), 100));
    }
  }

  interface Step { void run() throws Exception; }

  /** The job ends with an error, whose cause says so. */
  static void fails(String what, String words, Step job) throws Exception {
    try {
      job.run();
    } catch (Exception error) {
      StringBuilder said = new StringBuilder();
      for (Throwable each = error; each != null; each = each.getCause()) said.append(each.getMessage()).append('\n');
      check(what + ", in: " + said, true, said.toString().contains(words));
      return;
    }
    throw new AssertionError(what + " does not fail");
  }

  private static Map<String, String> event(String device, String time, String measurements, String types, String values) {
    Map<String, String> event = new HashMap<>();
    event.put("device", device);
    event.put("timestamp", time);
    event.put("measurements", measurements);
    event.put("types", types);
    event.put("values", values);
    return event;
  }

  @SafeVarargs
  static void maps(IoTDBSinkOptions options, int batch, Map<String, String>... events) throws Exception {
    StreamExecutionEnvironment flink = flink(1);
    flink.fromElements(events).addSink(new IoTDBSink<>(options, new DefaultIoTSerializationSchema()).withBatchSize(batch));
    flink.execute();
  }

  public static void main(String[] arguments) throws Exception {
    port = Integer.parseInt(arguments[0]);
    String database = arguments[1];
    int rows = Integer.parseInt(arguments[2]);
    write(database + "one", rows / 10, 0);
    everyRow("one at a time", database + "one", rows / 10);
    write(database + "many", rows, 100);
    everyRow("in batches", database + "many", rows);
    // The same job once more meets its database and its rows.
    write(database + "many", rows, 1000);
    everyRow("once more", database + "many", rows);
    check("by device", rows / DEVICES * DEVICES, read("select i, t from " + database + "many.* align by device", 1000).size());
    check("count", "[0 " + (rows / DEVICES) + "]", read("select count(*) from " + database + "many.d1", 10).toString().replaceAll("( \\d+){5}]", "]"));

    String map = database + "map";
    IoTDBSinkOptions.TimeseriesOption[] series = {
      new IoTDBSinkOptions.TimeseriesOption(map + ".d1.temperature", TSDataType.DOUBLE, TSEncoding.GORILLA, CompressionType.LZ4),
      new IoTDBSinkOptions.TimeseriesOption(map + ".d1.status")
    };
    Map<String, String> first = event(map + ".d1", "1", "temperature,n", "DOUBLE,INT32", "36.5,-7");
    Map<String, String> second = event(map + ".d1", "2", "b,t,temperature", "BOOLEAN,TEXT,DOUBLE", "true,word,-0.5");
    for (int batch : new int[] {0, 2}) maps(options(map, series), batch, first, second);
    check("maps", "[1 36.5 -7 null null, 2 -0.5 null true word]", read("select temperature, n, b, t from " + map + ".d1", 10));
    check("made first", 1, read("show timeseries " + map + ".d1.status", 10).size());

    Map<String, String> text = event(map + ".d1", "3", "temperature", "TEXT", "warm");
    fails("a type that does not fit", "507", () -> maps(options(map, series), 0, text));
    fails("a syntax error", "700", () -> read("selct temperature from " + map + ".d1", 10));
    check("nothing else", "[1 36.5, 2 -0.5]", read("select temperature from " + map + ".d1", 10));
    System.out.println("ok    Flink's connector: " + steps + " steps");
    System.exit(0);
  }
}
