import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * When committed records become visible, seen by Kafka's own consumer: a line `index count milliseconds` for each
 * partition of each poll that brought something. Arguments: bootstrap, username, then `topic partition` as often as
 * wanted; the first line of standard input is the password, its end ends the probe.
 */
public final class LatencyProbe {
  private static volatile boolean ending = false;

  public static void main(String[] args) throws Exception {
    StringBuilder password = new StringBuilder();
    for (int c = System.in.read(); c >= 0 && c != '\n'; c = System.in.read()) password.append((char) c);
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
    settings.put("max.poll.records", "100000");
    Map<TopicPartition, Integer> indexes = new HashMap<>();
    List<TopicPartition> partitions = new ArrayList<>();
    for (int i = 2; i + 1 < args.length; i += 2) {
      TopicPartition partition = new TopicPartition(args[i], Integer.parseInt(args[i + 1]));
      indexes.put(partition, partitions.size());
      partitions.add(partition);
    }
    Thread end = new Thread(LatencyProbe::waitForEnd);
    end.setDaemon(true);
    end.start();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      // The first question of each partition is where it begins.
      for (TopicPartition partition : partitions) consumer.position(partition);
      System.out.println("ready");
      while (!ending) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
        if (records.isEmpty()) continue;
        long now = System.currentTimeMillis();
        StringBuilder lines = new StringBuilder();
        for (TopicPartition partition : records.partitions()) {
          lines.append(indexes.get(partition)).append(' ');
          lines.append(records.records(partition).size()).append(' ').append(now).append('\n');
        }
        System.out.print(lines);
        System.out.flush();
      }
    }
  }

  private static void waitForEnd() {
    try {
      while (System.in.read() >= 0) {}
    } catch (java.io.IOException error) {
      // The reader at the other end is gone.
    }
    ending = true;
  }
}
