import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.iotdb.session.Session;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.tsfile.enums.TSDataType;
import org.apache.tsfile.write.record.Tablet;
import org.apache.tsfile.write.schema.IMeasurementSchema;
import org.apache.tsfile.write.schema.MeasurementSchema;

/** What one would write by hand: poll, parse, a tablet a device, send up to so many rows at once, then commit. To the end. */
public final class Consumer {
  private static final List<IMeasurementSchema> SCHEMA =
      List.of(
          new MeasurementSchema("temperature", TSDataType.DOUBLE),
          new MeasurementSchema("pressure", TSDataType.DOUBLE),
          new MeasurementSchema("sequence", TSDataType.DOUBLE));
  private static final JsonFactory JSON = new JsonFactory();

  private final Map<String, Tablet> tablets = new HashMap<>();
  private Session session;
  private int waiting;

  private void take(byte[] message) throws Exception {
    String device = null;
    long time = 0;
    double temperature = 0, pressure = 0, sequence = 0;
    try (JsonParser parser = JSON.createParser(message)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "device": device = parser.getText(); break;
          case "timestamp": time = parser.getLongValue(); break;
          case "temperature": temperature = parser.getDoubleValue(); break;
          case "pressure": pressure = parser.getDoubleValue(); break;
          case "sequence": sequence = parser.getDoubleValue(); break;
          default: parser.skipChildren();
        }
      }
    }
    Tablet tablet = tablets.computeIfAbsent(device, name -> new Tablet(name, SCHEMA, 1024));
    if (tablet.getRowSize() == tablet.getMaxRowNumber()) {
      flush();
    }
    int row = tablet.getRowSize();
    tablet.addTimestamp(row, time);
    tablet.addValue(row, 0, temperature);
    tablet.addValue(row, 1, pressure);
    tablet.addValue(row, 2, sequence);
    waiting++;
  }

  private void flush() throws Exception {
    Map<String, Tablet> full = new HashMap<>();
    tablets.forEach((device, tablet) -> {
      if (tablet.getRowSize() > 0) {
        full.put(device, tablet);
      }
    });
    if (!full.isEmpty()) {
      session.insertTablets(full);
    }
    full.values().forEach(Tablet::reset);
    waiting = 0;
  }

  /** Arguments: brokers, topic, group, IoTDB's port, rows sent at once. */
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    properties.putAll(
        Map.of("bootstrap.servers", arguments[0], "group.id", arguments[2], "enable.auto.commit", "false", "auto.offset.reset", "earliest",
            "max.poll.records", "10000", "max.partition.fetch.bytes", "4194304", "session.timeout.ms", "6000"));
    Consumer consumer = new Consumer();
    consumer.session = new Session("127.0.0.1", Integer.parseInt(arguments[3]), "root", "root");
    consumer.session.open(false);
    int rows = Integer.parseInt(arguments[4]);
    try (KafkaConsumer<byte[], byte[]> kafka = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      kafka.subscribe(List.of(arguments[1]));
      Map<TopicPartition, Long> ends = null;
      while (ends == null || !atEnd(kafka, ends)) {
        for (ConsumerRecord<byte[], byte[]> message : kafka.poll(Duration.ofMillis(200))) {
          consumer.take(message.value());
        }
        if (ends == null && !kafka.assignment().isEmpty()) {
          ends = kafka.endOffsets(kafka.assignment());
        }
        if (consumer.waiting >= rows) {
          consumer.flush();
          kafka.commitSync();
        }
      }
      consumer.flush();
      kafka.commitSync();
    }
    consumer.session.close();
  }

  private static boolean atEnd(KafkaConsumer<byte[], byte[]> kafka, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream().allMatch(end -> kafka.position(end.getKey()) >= end.getValue());
  }
}
