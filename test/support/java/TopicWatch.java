import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Follows every topic whose name begins with a prefix for as long as it is there, twice: reading uncommitted, aborted
 * records included, and reading committed. Frames: 1 where committed (byte), topic, partition (int), offset, append
 * time (long), key, value (int length or -1, bytes). Arguments: bootstrap, username, prefix; the first line of standard
 * input is the password, its end ends the watch.
 */
public final class TopicWatch {
  private static final Duration LOOK = Duration.ofMillis(150);
  private static volatile Set<TopicPartition> wanted = Set.of();
  private static volatile boolean ending = false;

  public static void main(String[] args) throws Exception {
    PrintStream frames = System.out;
    System.setOut(System.err);
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
    settings.put("metadata.max.age.ms", "1000");
    DataOutputStream out = new DataOutputStream(new BufferedOutputStream(frames, 1 << 20));
    Thread uncommitted = new Thread(() -> follow(settings, "read_uncommitted", out));
    Thread committed = new Thread(() -> follow(settings, "read_committed", out));
    Thread end =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (java.io.IOException error) {
                // The reader at the other end is gone.
              }
              ending = true;
            });
    end.setDaemon(true);
    uncommitted.start();
    committed.start();
    end.start();
    try (Admin admin = Admin.create(settings)) {
      while (!ending) {
        try {
          look(admin, args[2]);
        } catch (java.util.concurrent.ExecutionException error) {
          // A topic has gone between two questions: look again.
        }
        Thread.sleep(LOOK.toMillis());
      }
    }
    uncommitted.join();
    committed.join();
    out.flush();
  }

  private static void look(Admin admin, String prefix) throws Exception {
    List<String> names =
        admin.listTopics().names().get().stream().filter(name -> name.startsWith(prefix)).toList();
    Set<TopicPartition> partitions = new HashSet<>();
    for (var description : admin.describeTopics(names).topicNameValues().entrySet()) {
      try {
        for (var partition : description.getValue().get().partitions()) {
          partitions.add(new TopicPartition(description.getKey(), partition.partition()));
        }
      } catch (java.util.concurrent.ExecutionException error) {
        // It has just gone.
      }
    }
    wanted = partitions;
  }

  private static void follow(Properties common, String isolation, DataOutputStream out) {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("isolation.level", isolation);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("fetch.max.wait.ms", "100");
    settings.put("max.poll.records", "2000");
    boolean isCommitted = isolation.equals("read_committed");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      Set<TopicPartition> assigned = Set.of();
      boolean isLast = false;
      while (!isLast) {
        isLast = ending;
        Set<TopicPartition> now = wanted;
        if (!now.equals(assigned)) {
          // Positions of partitions that stay are kept.
          consumer.assign(now);
          assigned = now;
        }
        if (assigned.isEmpty()) {
          Thread.sleep(20);
          continue;
        }
        try {
          boolean isAny = false;
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
            isAny = true;
            write(out, record, isCommitted);
          }
          if (isAny) {
            synchronized (out) {
              out.flush();
            }
          }
        } catch (TimeoutException error) {
          // Asked about a topic that has just gone.
        }
      }
    } catch (Exception error) {
      error.printStackTrace();
      System.exit(3);
    }
  }

  private static void write(DataOutputStream out, ConsumerRecord<byte[], byte[]> record, boolean isCommitted)
      throws java.io.IOException {
    synchronized (out) {
      out.writeByte(isCommitted ? 1 : 0);
      bytes(out, record.topic().getBytes(StandardCharsets.UTF_8));
      out.writeInt(record.partition());
      out.writeLong(record.offset());
      out.writeLong(record.timestamp());
      bytes(out, record.key());
      bytes(out, record.value());
    }
  }

  private static void bytes(DataOutputStream out, byte[] bytes) throws java.io.IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) out.write(bytes);
  }
}
