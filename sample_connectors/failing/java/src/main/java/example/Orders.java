package example;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Lists the first orders, {@code GET /orders?limit=N}, behind API Gateway with Lambda proxy integration.
 *
 * <p>Known weakness of {@code handle}: it takes the client's text for a number. Nobody catches the exception; the client
 * gets 502, and the stack trace is in the log alone. {@code careful} answers 400 and says what is wrong.
 */
public class Orders {
    public Map<String, Object> handle(Map<String, Object> event) {
        Map<?, ?> parameters = (Map<?, ?>) event.get("queryStringParameters");
        int limit = Integer.parseInt((String) parameters.get("limit"));
        String numbers = IntStream.rangeClosed(1, limit).mapToObj(String::valueOf).collect(Collectors.joining(", "));
        return answer(200, "{\"orders\": [" + numbers + "]}");
    }

    public Map<String, Object> careful(Map<String, Object> event) {
        try {
            return handle(event);
        } catch (NumberFormatException | NullPointerException error) {
            return answer(400, "{\"message\": \"limit must be a whole number\"}");
        }
    }

    private static Map<String, Object> answer(int status, String body) {
        return Map.of("statusCode", status, "headers", Map.of("content-type", "application/json"), "body", body);
    }
}
