// Reads records by schema resolution with the Avro library for Java, as a consumer with a schema of its own does, and
// asks the library whether the two schemas are compatible. A line of its input: the reader's schema, the writer's
// schema, and the bytes, each in base64, divided by tabs. It prints a line for each: what was read as JSON, or
// `fails`; and the library's word on the schemas.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.DecoderFactory;

public class AvroCheck {
  public static void main(String[] args) throws Exception {
    for (String line : Files.readAllLines(Path.of(args[0]))) {
      String[] parts = line.split("\t");
      Schema reader = schema(parts[0]);
      Schema writer = schema(parts[1]);
      byte[] bytes = Base64.getDecoder().decode(parts[2]);
      System.out.println(read(reader, writer, bytes) + "\t"
          + SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType());
    }
  }

  private static Schema schema(String base64) {
    return new Schema.Parser().parse(new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8));
  }

  private static String read(Schema reader, Schema writer, byte[] bytes) {
    try {
      GenericDatumReader<Object> records = new GenericDatumReader<>(writer, reader);
      return records.read(null, DecoderFactory.get().binaryDecoder(bytes, null)).toString();
    } catch (RuntimeException | java.io.IOException e) {
      return "fails";
    }
  }
}
