import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.tsfile.enums.TSDataType;
import org.apache.tsfile.file.metadata.IDeviceID;
import org.apache.tsfile.file.metadata.TimeseriesMetadata;
import org.apache.tsfile.file.metadata.statistics.Statistics;
import org.apache.tsfile.read.TsFileReader;
import org.apache.tsfile.read.TsFileSequenceReader;
import org.apache.tsfile.read.common.Field;
import org.apache.tsfile.read.common.Path;
import org.apache.tsfile.read.common.RowRecord;
import org.apache.tsfile.read.expression.QueryExpression;
import org.apache.tsfile.read.query.dataset.QueryDataSet;
import org.apache.tsfile.utils.Binary;

/** Prints what the peer's reader finds in a file, in the form of `cargo run -p levada-tsfile --example dump`. */
public class Dump {
  private static final HexFormat HEX = HexFormat.of();

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.UTF_8);
    TsFileSequenceReader sequence = new TsFileSequenceReader(arguments[0]);
    TsFileReader reader = new TsFileReader(sequence);
    Map<String, List<TimeseriesMetadata>> devices = new TreeMap<>();
    for (Map.Entry<IDeviceID, List<TimeseriesMetadata>> entry : sequence.getAllTimeseriesMetadata(false).entrySet()) {
      devices.put(name(entry.getKey()), entry.getValue());
    }
    for (Map.Entry<String, List<TimeseriesMetadata>> device : devices.entrySet()) {
      for (TimeseriesMetadata series : device.getValue()) {
        if (series.getTsDataType() == TSDataType.VECTOR || series.getStatistics().getCount() == 0) {
          continue;
        }
        String name = device.getKey() + "\t" + series.getMeasurementId() + "\t";
        out.println("S\t" + name + series.getTsDataType() + statistics(series));
        List<Path> paths = new ArrayList<>();
        paths.add(new Path(device.getKey(), series.getMeasurementId(), true));
        QueryDataSet rows = reader.query(QueryExpression.create(paths, null));
        while (rows.hasNext()) {
          RowRecord row = rows.next();
          Field field = row.getFields().get(0);
          if (field != null && field.getDataType() != null) {
            out.println("R\t" + name + row.getTimestamp() + "\t" + shown(field));
          }
        }
      }
    }
    out.flush();
  }

  /** A device's path; in version 3 it is not what toString says. */
  static String name(IDeviceID device) throws Exception {
    try {
      return (String) device.getClass().getMethod("toStringID").invoke(device);
    } catch (NoSuchMethodException none) {
      return device.toString();
    }
  }

  static String statistics(TimeseriesMetadata series) {
    Statistics<?> all = series.getStatistics();
    TSDataType type = series.getTsDataType();
    StringBuilder line = new StringBuilder();
    line.append("\t").append(all.getCount()).append("\t").append(all.getStartTime()).append("\t").append(all.getEndTime());
    boolean ordered = type != TSDataType.BOOLEAN && type != TSDataType.TEXT && type != TSDataType.BLOB;
    line.append("\t").append(ordered ? number(shown(all.getMinValue(), type)) : "-");
    line.append("\t").append(ordered ? number(shown(all.getMaxValue(), type)) : "-");
    line.append("\t").append(type == TSDataType.BLOB ? "-" : shown(all.getFirstValue(), type));
    line.append("\t").append(type == TSDataType.BLOB ? "-" : shown(all.getLastValue(), type));
    switch (type) {
      case BOOLEAN:
      case INT32:
        line.append("\t").append(hex((double) all.getSumLongValue()));
        break;
      case INT64:
      case FLOAT:
      case DOUBLE:
        double sum = all.getSumDoubleValue();
        line.append("\t").append(Double.isNaN(sum) ? "nan" : hex(sum));
        break;
      default:
        line.append("\t-");
    }
    return line.toString();
  }

  /** Least and greatest are unknown where they are no numbers. */
  static String number(String shown) {
    return shown.startsWith("7fc0") && shown.length() == 8 || shown.startsWith("7ff8") ? "-" : shown;
  }

  static String hex(double value) {
    return HEX.toHexDigits(Double.doubleToRawLongBits(value));
  }

  static String shown(Object value, TSDataType type) {
    if (value instanceof Float) {
      return HEX.toHexDigits(Float.floatToRawIntBits((Float) value));
    } else if (value instanceof Double) {
      return hex((Double) value);
    } else if (value instanceof Binary) {
      return hex(((Binary) value).getValues());
    }
    return String.valueOf(value);
  }

  static String shown(Field field) {
    switch (field.getDataType()) {
      case BOOLEAN:
        return Boolean.toString(field.getBoolV());
      case INT32:
      case DATE:
        return Integer.toString(field.getIntV());
      case INT64:
      case TIMESTAMP:
        return Long.toString(field.getLongV());
      case FLOAT:
        return HEX.toHexDigits(Float.floatToRawIntBits(field.getFloatV()));
      case DOUBLE:
        return hex(field.getDoubleV());
      default:
        return hex(field.getBinaryV().getValues());
    }
  }

  static String hex(byte[] bytes) {
    return HEX.formatHex(bytes);
  }
}
