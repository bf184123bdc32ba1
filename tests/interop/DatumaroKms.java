import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.crypto.KeyAccessDeniedException;
import org.apache.parquet.crypto.keytools.KeyToolkit;
import org.apache.parquet.crypto.keytools.KmsClient;

/**
 * Opens the encrypted Parquet storage of one data set. The access token is its wrapping key in
 * base64, as Python's engine_keys gives it.
 */
public class DatumaroKms implements KmsClient {
  private byte[] wrappingKey;

  @Override
  public void initialize(Configuration configuration, String id, String url, String accessToken) {
    wrappingKey = Base64.getDecoder().decode(accessToken);
  }

  @Override
  public byte[] unwrapKey(String wrappedKey, String masterKeyIdentifier) {
    byte[] place = masterKeyIdentifier.getBytes(StandardCharsets.UTF_8);
    return KeyToolkit.decryptKeyLocally(wrappedKey, wrappingKey, place);
  }

  @Override
  public String wrapKey(byte[] key, String masterKeyIdentifier) {
    throw new KeyAccessDeniedException("it is for reading");
  }
}
