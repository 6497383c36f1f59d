import java.util.List;
import org.apache.iotdb.isession.SessionDataSet;
import org.apache.iotdb.session.Session;
import org.apache.tsfile.read.common.Field;
import org.apache.tsfile.read.common.RowRecord;

/** Runs statements on a server, each an argument; the rows of a query as lines: time, then values, nulls empty. */
public final class Ask {
  public static void main(String[] arguments) throws Exception {
    Session session =
        new Session.Builder()
            .host("127.0.0.1")
            .port(Integer.parseInt(arguments[0]))
            .username("root")
            .password("root")
            .enableRedirection(false)
            .enableAutoFetch(false)
            .build();
    session.open(false);
    try {
      for (int i = 1; i < arguments.length; i++) {
        String sql = arguments[i];
        String word = sql.trim().split("\\s+")[0].toLowerCase();
        if (List.of("select", "show", "count").contains(word)) {
          print(session.executeQueryStatement(sql));
        } else {
          session.executeNonQueryStatement(sql);
        }
      }
    } finally {
      session.close();
    }
  }

  private static void print(SessionDataSet rows) throws Exception {
    StringBuilder line = new StringBuilder();
    while (rows.hasNext()) {
      RowRecord row = rows.next();
      line.setLength(0);
      line.append(row.getTimestamp());
      for (Field field : row.getFields()) {
        boolean isNull = field == null || field.getDataType() == null;
        line.append(',').append(isNull ? "" : field.getStringValue());
      }
      System.out.println(line);
    }
    rows.closeOperationHandle();
  }
}
