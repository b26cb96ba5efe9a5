import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Writes all committed records of topics to standard output, read by Kafka's own Java client: a witness that shares
 * no code with what it checks. Frames: topic index, partition (int), offset, timestamp (long), key, value
 * (int length or -1, bytes), number of headers (int), name and value of each. Arguments: bootstrap, username;
 * password by standard input; topics.
 */
public final class TopicDump {
  public static void main(String[] args) throws Exception {
    String password = new String(System.in.readAllBytes()).trim();
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("security.protocol", "SASL_PLAINTEXT");
    settings.put("sasl.mechanism", "SCRAM-SHA-256");
    settings.put(
        "sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\""
            + args[1] + "\" password=\"" + password + "\";");
    settings.put("isolation.level", "read_committed");
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "5000");
    settings.put("fetch.max.bytes", "16777216");
    List<String> topics = List.of(args).subList(2, args.length);
    try (KafkaConsumer<byte[], byte[]> consumer =
            new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 20))) {
      List<TopicPartition> partitions =
          topics.stream()
              .flatMap(topic -> consumer.partitionsFor(topic).stream())
              .map(info -> new TopicPartition(info.topic(), info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      // Under read_committed this is the last stable offset.
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          out.writeInt(topics.indexOf(record.topic()));
          out.writeInt(record.partition());
          out.writeLong(record.offset());
          out.writeLong(record.timestamp());
          write(out, record.key());
          write(out, record.value());
          Header[] headers = record.headers().toArray();
          out.writeInt(headers.length);
          for (Header header : headers) {
            write(out, header.key().getBytes(StandardCharsets.UTF_8));
            write(out, header.value());
          }
        }
      }
    }
  }

  private static void write(DataOutputStream out, byte[] bytes) throws Exception {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) out.write(bytes);
  }
}
