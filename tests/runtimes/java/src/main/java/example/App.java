package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Handlers for tests/test_runtimes_java.py: event.do says what happens. */
public class App implements RequestHandler<Map<String, Object>, Object> {
    private static int invocations = 0;
    private static final List<byte[]> HELD = new ArrayList<>();

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        invocations++;
        context.getLogger().log("an order came\n");
        switch (String.valueOf(event.get("do"))) {
            case "raise":
                throw new IllegalStateException("wrong", new RuntimeException("beneath"));
            case "fill":
                for (;;) {
                    HELD.add(new byte[1 << 20]);
                }
            case "environ":
                return System.getenv();
            case "exit":
                System.exit(7);
            case "about":
                return Map.of(
                        "version", System.getProperty("java.specification.version"),
                        "flags", ManagementFactory.getRuntimeMXBean().getInputArguments(),
                        "classpath", System.getProperty("java.class.path"),
                        "left", context.getRemainingTimeInMillis(),
                        "invocations", invocations);
            default:
                return event;
        }
    }
}
