import com.google.api.client.googleapis.batch.BatchRequest;
import com.google.api.client.googleapis.batch.json.JsonBatchCallback;
import com.google.api.client.googleapis.json.GoogleJsonError;
import com.google.api.client.googleapis.json.GoogleJsonResponseException;
import com.google.api.client.http.HttpHeaders;
import com.google.api.client.http.HttpRequestInitializer;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.gson.GsonFactory;
import com.google.api.services.androidmanagement.v1.AndroidManagement;
import com.google.api.services.androidmanagement.v1.model.Operation;
import com.google.auth.http.HttpCredentialsAdapter;
import com.google.auth.oauth2.AccessToken;
import com.google.auth.oauth2.GoogleCredentials;
import java.io.FileInputStream;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** google-api-services-androidmanagement and google-auth-library, set up as their documentation does. */
public final class Client {
  private static final String SCOPE = "https://www.googleapis.com/auth/androidmanagement";

  public static void main(String[] arguments) throws Exception {
    try {
      run();
    } catch (java.io.IOException problem) {
      System.err.println(problem);
      System.exit(1);
    }
  }

  private static void run() throws Exception {
    String name = System.getenv("CLIENT_OPERATION");
    String file = System.getenv("CLIENT_CREDENTIALS");
    GoogleCredentials credentials;
    if (file != null && !file.isEmpty()) {
      try (FileInputStream stream = new FileInputStream(file)) {
        credentials = GoogleCredentials.fromStream(stream).createScoped(List.of(SCOPE));
      }
    } else {
      Date end = new Date(System.currentTimeMillis() + 3_600_000);
      credentials = GoogleCredentials.create(new AccessToken(System.getenv("CLIENT_TOKEN"), end));
    }
    HttpRequestInitializer authorized = new HttpCredentialsAdapter(credentials);
    AndroidManagement api =
        new AndroidManagement.Builder(
                new NetHttpTransport(), GsonFactory.getDefaultInstance(), authorized)
            .setRootUrl(System.getenv("CLIENT_ROOT") + "/")
            .setBatchPath("batch")
            .setApplicationName("countermand-tests")
            .build();
    var operations = api.enterprises().devices().operations();
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("cancel", operations.cancel(name).execute());
    // The fields make the address so long that the client sends a POST.
    String fields = "name,done,error" + ",done".repeat(500);
    said.put("get", operations.get(name).setFields(fields).execute());
    String parent = name.substring(0, name.lastIndexOf('/'));
    said.put(
        "list",
        operations.list(parent).execute().getOperations().stream()
            .map(Operation::getName)
            .collect(Collectors.toList()));
    try {
      operations.cancel(name + "0").execute();
    } catch (GoogleJsonResponseException refused) {
      Map<String, Object> unknown = new LinkedHashMap<>();
      unknown.put("status", refused.getStatusCode());
      unknown.put("message", refused.getDetails().getMessage());
      said.put("unknown", unknown);
    }
    Map<String, Object> batch = new LinkedHashMap<>();
    BatchRequest calls = api.batch();
    operations.get(name).setFields("name").queue(calls, collect(batch, "get"));
    operations.cancel(name + "0").queue(calls, collect(batch, "unknown"));
    calls.execute();
    said.put("batch", batch);
    System.out.println(GsonFactory.getDefaultInstance().toString(said));
  }

  private static <T> JsonBatchCallback<T> collect(Map<String, Object> batch, String call) {
    return new JsonBatchCallback<>() {
      @Override
      public void onSuccess(T answer, HttpHeaders headers) {
        batch.put(call, answer);
      }

      @Override
      public void onFailure(GoogleJsonError error, HttpHeaders headers) {
        batch.put(call, error.getCode());
      }
    };
  }
}
