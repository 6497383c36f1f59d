import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.iotdb.flink.Event;
import org.apache.iotdb.flink.IoTDBSink;
import org.apache.iotdb.flink.IoTSerializationSchema;
import org.apache.iotdb.flink.options.IoTDBSinkOptions;
import org.apache.iotdb.tsfile.file.metadata.enums.TSDataType;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;

/** A topic into IoTDB by Flink and IoTDB's sink, to the end of what is there. Offsets are committed with each checkpoint. */
public final class Job {
  static final class Readings implements IoTSerializationSchema<String> {
    private static final List<String> NAMES = List.of("temperature", "pressure", "sequence");
    private static final List<TSDataType> TYPES = List.of(TSDataType.DOUBLE, TSDataType.DOUBLE, TSDataType.DOUBLE);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Override
    public Event serialize(String message) {
      try {
        JsonNode node = MAPPER.readTree(message);
        List<Object> values =
            List.of(node.get("temperature").asDouble(), node.get("pressure").asDouble(), node.get("sequence").asDouble());
        return new Event(node.get("device").asText(), node.get("timestamp").asLong(), NAMES, TYPES, values);
      } catch (IOException error) {
        throw new IllegalArgumentException(error);
      }
    }
  }

  /** Each task of the sink makes its database at its start, and fails where a server of 2.0 has it: so each makes another. */
  static final class Options extends IoTDBSinkOptions {
    Options(int port) {
      super("127.0.0.1", port, "root", "root", "root.unused", List.of());
    }

    @Override
    public String getStorageGroup() {
      return "root.unused" + Math.abs(ThreadLocalRandom.current().nextLong());
    }
  }

  /** Arguments: brokers, topic, group, IoTDB's port, events a batch, parallel tasks. */
  public static void main(String[] arguments) throws Exception {
    Configuration configuration = Configuration.fromMap(Map.of("restart-strategy.type", "none"));
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(Integer.parseInt(arguments[5]), configuration);
    environment.enableCheckpointing(1000);
    environment.getConfig().enableObjectReuse();
    KafkaSource<String> source =
        KafkaSource.<String>builder()
            .setBootstrapServers(arguments[0])
            .setTopics(arguments[1])
            .setGroupId(arguments[2])
            .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
    IoTDBSinkOptions options = new Options(Integer.parseInt(arguments[3]));
    environment
        .fromSource(source, WatermarkStrategy.noWatermarks(), "readings")
        .addSink(new IoTDBSink<>(options, new Readings()).withBatchSize(Integer.parseInt(arguments[4])));
    environment.execute();
  }
}
