import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.iotdb.session.Session;
import org.apache.iotdb.session.SessionDataSet;
import org.apache.iotdb.tsfile.read.common.Field;
import org.apache.iotdb.tsfile.read.common.RowRecord;

/**
 * Runs the statements of standard input, each a line; the rows of a query as lines: time, then values, nulls empty. With a
 * folder as second argument, those of the nth query go to its file {@code n.txt}.
 */
public final class Ask {
  public static void main(String[] arguments) throws Exception {
    Session session = new Session("127.0.0.1", Integer.parseInt(arguments[0]), "root", "root");
    session.open(false);
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      int queries = 0;
      for (String sql = lines.readLine(); sql != null; sql = lines.readLine()) {
        String word = sql.trim().split("\\s+")[0].toLowerCase();
        if (List.of("select", "show", "count").contains(word)) {
          queries++;
          PrintStream out = System.out;
          if (arguments.length > 1) {
            File file = new File(arguments[1], queries + ".txt");
            out = new PrintStream(file, StandardCharsets.UTF_8);
          }
          print(session.executeQueryStatement(sql), out);
          out.flush();
        } else {
          session.executeNonQueryStatement(sql);
        }
      }
    } finally {
      session.close();
    }
  }

  private static void print(SessionDataSet rows, PrintStream out) throws Exception {
    StringBuilder line = new StringBuilder();
    while (rows.hasNext()) {
      RowRecord row = rows.next();
      line.setLength(0);
      line.append(row.getTimestamp());
      for (Field field : row.getFields()) {
        boolean isNull = field == null || field.getDataType() == null;
        line.append(',').append(isNull ? "" : field.getStringValue());
      }
      out.println(line);
    }
    rows.closeOperationHandle();
  }
}
