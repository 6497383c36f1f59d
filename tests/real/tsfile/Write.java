import java.io.File;
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import org.apache.tsfile.common.conf.TSFileConfig;
import org.apache.tsfile.common.conf.TSFileDescriptor;
import org.apache.tsfile.enums.TSDataType;
import org.apache.tsfile.file.metadata.IDeviceID;
import org.apache.tsfile.file.metadata.enums.CompressionType;
import org.apache.tsfile.file.metadata.enums.TSEncoding;
import org.apache.tsfile.utils.Binary;
import org.apache.tsfile.write.chunk.AlignedChunkWriterImpl;
import org.apache.tsfile.write.chunk.ChunkWriterImpl;
import org.apache.tsfile.write.schema.IMeasurementSchema;
import org.apache.tsfile.write.schema.MeasurementSchema;
import org.apache.tsfile.write.writer.TsFileIOWriter;

/** Writes a file with every type in every encoding and compression by the peer's writer: plain and aligned, with nulls. */
public class Write {
  static final TSDataType[] TYPES = {
    TSDataType.BOOLEAN, TSDataType.INT32, TSDataType.INT64, TSDataType.FLOAT, TSDataType.DOUBLE, TSDataType.TEXT,
    TSDataType.TIMESTAMP, TSDataType.DATE, TSDataType.BLOB, TSDataType.STRING
  };
  static final CompressionType[] COMPRESSORS = {
    CompressionType.UNCOMPRESSED, CompressionType.SNAPPY, CompressionType.GZIP, CompressionType.LZ4,
    CompressionType.ZSTD, CompressionType.LZMA2
  };

  static final double[][] SCALED = {
    {1.25, 3e9, -2.5e9, 7, 1.004},
    {0.5, 1e300, -1e300, 1e18, Double.MAX_VALUE, 3.25},
    {2.75, Double.POSITIVE_INFINITY, -1.5, Double.NaN, 1e17, Double.NEGATIVE_INFINITY, 4},
    {-0.125, 1e16, 1e17, 1e15, -1e16, 123456789012.75, 5e8, 1e8 / 3, 9e14 + 0.125},
  };

  public static void main(String[] arguments) throws Exception {
    TSFileDescriptor.getInstance().getConfig().setMaxNumberOfPointsInPage(100);
    TsFileIOWriter file = new TsFileIOWriter(new File(arguments[0]));
    for (int rows : new int[] {1, 9, 100, 350}) {
      for (boolean nulls : new boolean[] {false, true}) {
        String name = "rows" + rows + (nulls ? "nulls" : "");
        List<IMeasurementSchema> schemas = schemas(nulls);
        file.startChunkGroup(device("root.plant.plain." + name));
        for (IMeasurementSchema schema : schemas) {
          ChunkWriterImpl chunk = new ChunkWriterImpl(schema);
          for (int row = 0; row < rows; row++) {
            if (!isNull(nulls, row)) {
              write(chunk, schema.getType(), time(row), row);
            }
          }
          chunk.writeToFileWriter(file);
        }
        file.endChunkGroup();
        file.startChunkGroup(device("root.plant.aligned." + name));
        AlignedChunkWriterImpl chunks = new AlignedChunkWriterImpl(schemas);
        for (int row = 0; row < rows; row++) {
          for (IMeasurementSchema schema : schemas) {
            write(chunks, schema.getType(), time(row), row, isNull(nulls, row));
          }
          chunks.write(time(row));
        }
        chunks.writeToFileWriter(file);
        file.endChunkGroup();
      }
    }
    // Several chunks of each series. The last lacks half of them, but of an aligned device: then the peer cannot read its own.
    for (int group = 0; group < 3; group++) {
      file.startChunkGroup(device("root.plant.plain.again"));
      List<IMeasurementSchema> schemas = schemas(false);
      for (IMeasurementSchema schema : schemas.subList(0, schemas.size() / (group == 2 ? 2 : 1))) {
        ChunkWriterImpl chunk = new ChunkWriterImpl(schema);
        for (int row = group * 1000; row < group * 1000 + 150; row++) {
          write(chunk, schema.getType(), time(row), row);
        }
        chunk.writeToFileWriter(file);
      }
      file.endChunkGroup();
      file.startChunkGroup(device("root.plant.aligned.again"));
      AlignedChunkWriterImpl chunks = new AlignedChunkWriterImpl(schemas);
      for (int row = group * 1000; row < group * 1000 + 150; row++) {
        for (IMeasurementSchema schema : schemas) {
          write(chunks, schema.getType(), time(row), row, row % 3 == 1);
        }
        chunks.write(time(row));
      }
      chunks.writeToFileWriter(file);
      file.endChunkGroup();
    }
    // Numbers that cannot all be scaled to integers.
    file.startChunkGroup(device("root.plant.plain.scaled"));
    for (TSDataType type : new TSDataType[] {TSDataType.FLOAT, TSDataType.DOUBLE}) {
      for (TSEncoding encoding : new TSEncoding[] {TSEncoding.RLE, TSEncoding.TS_2DIFF}) {
        for (double[] numbers : SCALED) {
          String name = type + "_" + encoding + "_" + numbers.length;
          ChunkWriterImpl chunk =
              new ChunkWriterImpl(new MeasurementSchema(name, type, encoding, CompressionType.UNCOMPRESSED));
          for (int row = 0; row < numbers.length; row++) {
            if (type == TSDataType.FLOAT) {
              chunk.write(time(row), (float) numbers[row]);
            } else {
              chunk.write(time(row), numbers[row]);
            }
          }
          chunk.writeToFileWriter(file);
        }
      }
    }
    file.endChunkGroup();
    for (int device = 0; device < 600; device++) {
      file.startChunkGroup(device("root.plant.h" + device % 7 + ".many" + device));
      for (int series = 0; series < (device == 5 ? 700 : 2); series++) {
        ChunkWriterImpl chunk =
            new ChunkWriterImpl(
                new MeasurementSchema("s" + series, TSDataType.INT32, TSEncoding.TS_2DIFF, CompressionType.LZ4));
        chunk.write(device, series);
        chunk.writeToFileWriter(file);
      }
      file.endChunkGroup();
    }
    file.endFile();
  }

  /** Devices are made otherwise in the two versions. */
  static IDeviceID device(String path) throws Exception {
    try {
      Class<?> factory = Class.forName("org.apache.tsfile.file.metadata.IDeviceID$Factory");
      Object instance = factory.getField("DEFAULT_FACTORY").get(null);
      return (IDeviceID) factory.getMethod("create", String.class).invoke(instance, path);
    } catch (ClassNotFoundException none) {
      Constructor<?> plain =
          Class.forName("org.apache.tsfile.file.metadata.PlainDeviceID").getConstructor(String.class);
      return (IDeviceID) plain.newInstance(path);
    }
  }

  static List<IMeasurementSchema> schemas(boolean nulls) {
    List<IMeasurementSchema> schemas = new ArrayList<>();
    for (TSDataType type : TYPES) {
      for (TSEncoding encoding : TSEncoding.values()) {
        if (encoding == TSEncoding.REGULAR || encoding == TSEncoding.DIFF || encoding == TSEncoding.BITMAP
            || encoding == TSEncoding.FREQ || !supported(type, encoding)) {
          continue;
        }
        for (CompressionType compressor : COMPRESSORS) {
          String name = (type + "_" + encoding + "_" + compressor).toLowerCase();
          schemas.add(new MeasurementSchema(name, type, encoding, compressor));
        }
      }
    }
    return schemas;
  }

  static boolean supported(TSDataType type, TSEncoding encoding) {
    return TSEncoding.isSupported(type, encoding);
  }

  static boolean isNull(boolean nulls, int row) {
    return nulls && (row % 5 == 3 || row % 7 == 0 || row / 100 == 1);
  }

  static long time(int row) {
    return 1_700_000_000_000L + row * 1000L + row % 3;
  }

  /** Never negative: where a difference changes its sign, the peer cannot read its own SPRINTZ. */
  static double wave(int row) {
    return Math.round(Math.sin(row / 50.0) * 1000.0) / 100.0 + 20.0;
  }

  static Binary text(int row) {
    return new Binary(("ä" + row % 17).getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  static void write(ChunkWriterImpl chunk, TSDataType type, long time, int row) {
    switch (type) {
      case BOOLEAN:
        chunk.write(time, row % 3 == 0 || row > 40);
        break;
      case INT32:
      case DATE:
        chunk.write(time, 20_000_000 - row * row % 977);
        break;
      case INT64:
      case TIMESTAMP:
        chunk.write(time, (row - 50) * 1_000_000_007L + row % 3);
        break;
      case FLOAT:
        chunk.write(time, (float) wave(row));
        break;
      case DOUBLE:
        chunk.write(time, wave(row));
        break;
      default:
        chunk.write(time, text(row));
    }
  }

  static void write(AlignedChunkWriterImpl chunks, TSDataType type, long time, int row, boolean isNull) {
    switch (type) {
      case BOOLEAN:
        chunks.write(time, row % 3 == 0 || row > 40, isNull);
        break;
      case INT32:
      case DATE:
        chunks.write(time, 20_000_000 - row * row % 977, isNull);
        break;
      case INT64:
      case TIMESTAMP:
        chunks.write(time, (row - 50) * 1_000_000_007L + row % 3, isNull);
        break;
      case FLOAT:
        chunks.write(time, (float) wave(row), isNull);
        break;
      case DOUBLE:
        chunks.write(time, wave(row), isNull);
        break;
      default:
        chunks.write(time, text(row), isNull);
    }
  }
}
