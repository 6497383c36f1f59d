import java.util.Arrays;
import org.apache.iotdb.session.Session;
import org.apache.tsfile.enums.TSDataType;

/** The Java client over TLS: PORT STORE PASSWORD, the trust store that holds the authority. */
class Tls {
  public static void main(String[] a) throws Exception {
    Session s = new Session.Builder().host("127.0.0.1").port(Integer.parseInt(a[0])).username("root").password("root")
        .useSSL(true).trustStore(a[1]).trustStorePwd(a[2]).build();
    s.open(false);
    s.insertRecord("root.tls.java", 1, Arrays.asList("s"), Arrays.asList(TSDataType.INT32), Arrays.asList((Object) 5));
    org.apache.iotdb.isession.SessionDataSet found = s.executeQueryStatement("select s from root.tls.java");
    String row = found.next().toString().trim().replace('\t', ' ');
    if (!row.equals("1 5")) throw new IllegalStateException(row);
    s.close();
    System.out.println("ok    Java over TLS");
    System.exit(0);
  }
}
