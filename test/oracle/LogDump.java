import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Writes whole topics to files, read by Kafka's own Java client: a witness that shares no code with what it checks.
 * Arguments: bootstrap, username, directory, then `topic=NAME` (with it come its sanitized ones, `NAME.for-...`) and
 * `groups=BEGINNING` for offsets; the password by standard input.
 * Into the directory go `index.tsv` and for each partition `<n>.committed` (read_committed) and `<n>.others` (what only
 * read_uncommitted gives: aborted, or still open). Each record: offset, timestamp (long), kind of timestamp (byte, 1 is
 * the broker's), key, value (int length or -1, bytes), number of headers (int), name and value of each.
 */
public final class LogDump {
  public static void main(String[] args) throws Exception {
    Properties settings = settings(args, new String(System.in.readAllBytes()).trim());
    Path directory = Path.of(args[2]);
    List<String> lines = new ArrayList<>();
    TreeMap<String, TopicDescription> topics = new TreeMap<>();
    try (Admin admin = Admin.create(settings)) {
      Set<String> there = admin.listTopics().names().get();
      for (int i = 3; i < args.length; i++) {
        String name = args[i].substring(args[i].indexOf('=') + 1);
        if (args[i].startsWith("groups=")) offsets(admin, name, lines);
        else
          topics.putAll(
              admin.describeTopics(
                      there.stream()
                          .filter(each -> each.equals(name) || each.startsWith(name + ".for-"))
                          .toList())
                  .allTopicNames()
                  .get());
      }
    }
    List<TopicPartition> partitions = new ArrayList<>();
    topics.forEach(
        (name, topic) -> topic.partitions().forEach(each -> partitions.add(new TopicPartition(name, each.partition()))));
    Map<TopicPartition, BitSet> committed = new HashMap<>();
    Map<TopicPartition, Long> starts;
    Map<TopicPartition, Long> stable;
    settings.put("isolation.level", "read_committed");
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
      starts = consumer.beginningOffsets(partitions);
      // Under read_committed this is the last stable offset.
      stable = consumer.endOffsets(partitions);
      copy(consumer, partitions, stable, directory, ".committed", starts, committed);
    }
    settings.put("isolation.level", "read_uncommitted");
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      copy(consumer, partitions, ends, directory, ".others", starts, committed);
      for (int i = 0; i < partitions.size(); i++) {
        TopicPartition at = partitions.get(i);
        String id = topics.get(at.topic()).topicId().toString();
        lines.add(
            String.join("\t", "partition", "" + i, at.topic(), id, "" + at.partition(),
                "" + starts.get(at), "" + stable.get(at), "" + ends.get(at)));
      }
    }
    Files.write(directory.resolve("index.tsv"), lines);
  }

  private static Properties settings(String[] args, String password) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("security.protocol", "SASL_PLAINTEXT");
    settings.put("sasl.mechanism", "SCRAM-SHA-256");
    settings.put(
        "sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\""
            + args[1] + "\" password=\"" + password + "\";");
    return settings;
  }

  private static KafkaConsumer<byte[], byte[]> consumer(Properties common) {
    Properties settings = new Properties();
    settings.putAll(common);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "5000");
    settings.put("fetch.max.bytes", "16777216");
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static void offsets(Admin admin, String beginning, List<String> lines) throws Exception {
    for (GroupListing listing : admin.listGroups().all().get()) {
      String group = listing.groupId();
      if (!group.startsWith(beginning)) continue;
      Map<TopicPartition, OffsetAndMetadata> found =
          admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
      found.forEach(
          (at, offset) -> {
            if (offset != null)
              lines.add(String.join("\t", "offset", group, at.topic(), "" + at.partition(), "" + offset.offset()));
          });
    }
  }

  /** Writes what is not in `seen` yet, up to `ends`, and notes it there. */
  private static void copy(
      KafkaConsumer<byte[], byte[]> consumer,
      List<TopicPartition> partitions,
      Map<TopicPartition, Long> ends,
      Path directory,
      String extension,
      Map<TopicPartition, Long> starts,
      Map<TopicPartition, BitSet> seen)
      throws Exception {
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, DataOutputStream> files = new HashMap<>();
    for (int i = 0; i < partitions.size(); i++)
      files.put(
          partitions.get(i),
          new DataOutputStream(
              new BufferedOutputStream(Files.newOutputStream(directory.resolve(i + extension)), 1 << 16)));
    List<TopicPartition> open = new ArrayList<>(partitions);
    open.removeIf(each -> ends.get(each) <= starts.get(each));
    while (!open.isEmpty()) {
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
        TopicPartition at = new TopicPartition(record.topic(), record.partition());
        if (record.offset() >= ends.get(at)) continue;
        BitSet offsets = seen.computeIfAbsent(at, each -> new BitSet());
        int bit = (int) (record.offset() - starts.get(at));
        if (offsets.get(bit)) continue;
        offsets.set(bit);
        write(files.get(at), record);
      }
      if (open.removeIf(each -> consumer.position(each) >= ends.get(each))) consumer.pause(done(partitions, open));
    }
    for (DataOutputStream file : files.values()) file.close();
  }

  private static List<TopicPartition> done(List<TopicPartition> all, List<TopicPartition> open) {
    List<TopicPartition> rest = new ArrayList<>(all);
    rest.removeAll(open);
    return rest;
  }

  private static void write(DataOutputStream out, ConsumerRecord<byte[], byte[]> record) throws Exception {
    out.writeLong(record.offset());
    out.writeLong(record.timestamp());
    out.writeByte(record.timestampType() == TimestampType.LOG_APPEND_TIME ? 1 : 0);
    field(out, record.key());
    field(out, record.value());
    Header[] headers = record.headers().toArray();
    out.writeInt(headers.length);
    for (Header header : headers) {
      field(out, header.key().getBytes(StandardCharsets.UTF_8));
      field(out, header.value());
    }
  }

  private static void field(DataOutputStream out, byte[] bytes) throws Exception {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) out.write(bytes);
  }
}
